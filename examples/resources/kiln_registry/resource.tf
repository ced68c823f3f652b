resource "kiln_network" "registry" {
  name   = "registry"
  egress = "restricted"
  allow  = ["registry.internal:5000"]
}

variable "registry_password" {
  type      = string
  default   = "only-an-example"
  sensitive = true
  ephemeral = true # neither in the plan nor in the state
}

resource "kiln_registry" "acr" {
  name        = "acr"
  endpoint    = "registry.internal:5000"
  edition     = "enterprise"
  spec        = "standard"
  network_ids = [kiln_network.registry.id]
  username    = "ci"

  password_wo         = var.registry_password
  password_wo_version = 1 # another number with each new password
}
