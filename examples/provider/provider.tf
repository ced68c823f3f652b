terraform {
  required_providers {
    kiln = {
      source = "kilnhq/kiln"
    }
  }
}

# The daemon of this user on this machine.
provider "kiln" {}

# A daemon elsewhere; the token comes from the environment variable KILN_TOKEN.
provider "kiln" {
  alias    = "east"
  endpoint = "https://kiln.internal:8443"
  ca_cert  = file("${path.module}/ca.pem")
  region   = "east"
}
