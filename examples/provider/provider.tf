terraform {
  required_providers {
    kiln = {
      source = "kilnhq/kiln"
    }
  }
}

# The daemon of this user on this machine.
provider "kiln" {}

# Another daemon, by its socket, and a region of it.
provider "kiln" {
  alias    = "east"
  endpoint = "unix:///srv/kiln-east/kilnd.sock"
  region   = "east"
}
