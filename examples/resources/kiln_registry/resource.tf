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

# An image of the registry, used as it is: pulled by the digest that the tag stands for now, anew on each run.
resource "kiln_resource_group" "registry" {
  name       = "registry"
  network_id = kiln_network.registry.id # the network that the image is pulled through
  cu         = 2
  time_zone  = "Asia/Shanghai" # whose data the image must have
}

resource "kiln_custom_image" "base" {
  name       = "team_base"
  task_types = ["shell", "python"]
  source = {
    registry = {
      registry_id = kiln_registry.acr.id
      network_id  = kiln_network.registry.id
      repository  = "team/base"
      tag         = "v1" # or digest = "sha256:…"
    }
  }
  test = {
    resource_group_id = kiln_resource_group.registry.id
    commands          = ["python3 -V"]
  }
}
