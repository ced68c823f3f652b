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

data "kiln_registry_repositories" "team" {
  registry_id = kiln_registry.acr.id
  namespace   = "team"
}

output "repositories" {
  value = data.kiln_registry_repositories.team.repositories
}
