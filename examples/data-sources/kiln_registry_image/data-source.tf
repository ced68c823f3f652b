resource "kiln_network" "registry" {
  name   = "registry"
  egress = "restricted"
  allow  = ["registry.internal:5000"]
}

resource "kiln_registry" "acr" {
  name        = "acr"
  endpoint    = "registry.internal:5000"
  edition     = "enterprise"
  network_ids = [kiln_network.registry.id]
}

data "kiln_registry_image" "base" {
  registry_id = kiln_registry.acr.id
  repository  = "team/base"
  reference   = "v1"
}

# What the tag stands for now, to be pinned by.
output "digest" {
  value = data.kiln_registry_image.base.digest
}
