# A configuration of kilnd with every field: kilnd serve --config kilnd.hcl
# None is needed. Where a field has a fixed default, it is the value shown here; docs/configuration.md has the ranges.

# Everything is kept here. Default: $XDG_STATE_HOME/kiln, or else ~/.local/state/kiln.
data_dir = "/srv/kiln/data"

# The API. Clients are told with KILN_ENDPOINT=unix:///srv/kiln/kilnd.sock.
socket = "/srv/kiln/kilnd.sock"

# The OCI runtime. Default: beside kilnd, or in ../libexec/kiln.
runtime = "/usr/local/libexec/kiln/runc"

# Files with passwords, for password_from of kiln_registry. Default: secrets in the data directory.
secrets_dir = "/srv/kiln/secrets"

# How many tests, bakings and runs there are at a time.
workers = 4

# Packages without an exact version: enforce, warn or off.
version_pinning = "enforce"

# The first region is the default one. Editions: basic, standard, professional, enterprise.
region "local" {
  edition = "professional"
}

registry {
  # Plain HTTP, so on a loopback address only.
  listen = "127.0.0.1:5380"

  # What image_ref names, when something stands in front of the registry. Default: what listen says.
  external_address = "registry.internal:5380"
}

catalogue {
  # What the shipped official images are made from.
  mirror     = "http://deb.debian.org/debian"
  suite      = "bookworm"
  components = ["main"]

  # What the shipped image of rpm packages is made from; without one, that image cannot be made.
  rpm_mirror = "http://mirror.internal/el9/BaseOS/x86_64/os/"

  # Finished root file systems. Default: catalogue in the data directory.
  cache = "/srv/kiln/catalogue"

  # Whether the mirror is reached without public access, so that plans do not compare it with networks.
  internal = true

  # Versions that nothing new may be based on any more.
  expired = ["dataworks_shell_task_pod:20261101"]

  # An official image of the site's own; the version is a date.
  image "site_base" "20261101" {
    reference   = "registry.internal:5000/team/base@sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
    description = "What all teams start from"
    task_types  = ["python", "shell"]
    provides    = ["apt", "python3"]
    openssl     = "1.0.2k"
  }
}

# Where pip installs from when an entry names no index. internal is recorded, and has no effect in this version.
package_index "site" {
  type     = "pip"
  url      = "https://pypi.internal/simple/"
  internal = true
}

# Where yum installs from when an entry names no index. There may be one index of each type.
package_index "rpms" {
  type = "yum"
  url  = "http://mirror.internal/el9/AppStream/x86_64/os/"
}
