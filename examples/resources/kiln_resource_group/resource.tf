resource "kiln_network" "open" {
  name   = "open"
  egress = "public"
}

resource "kiln_resource_group" "default" {
  name       = "default"
  type       = "serverless"
  network_id = kiln_network.open.id
  cu         = 2
  time_zone  = "Asia/Shanghai"
}
