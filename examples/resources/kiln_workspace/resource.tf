resource "kiln_workspace" "analytics" {
  name        = "analytics"
  description = "daily reports"
}
