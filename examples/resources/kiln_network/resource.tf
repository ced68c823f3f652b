resource "kiln_network" "mirror" {
  name   = "mirror"
  egress = "restricted"
  allow = [
    "mirror.internal:443",
    "10.8.0.0/16:5000",
    "host.kiln.internal:8081", # the machine that the daemon runs on
  ]
}
