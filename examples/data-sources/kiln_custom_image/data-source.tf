resource "kiln_network" "open" {
  name   = "open"
  egress = "public"
}

resource "kiln_resource_group" "default" {
  name       = "default"
  network_id = kiln_network.open.id
  cu         = 2
}

resource "kiln_custom_image" "segmenter" {
  name       = "segmenter"
  task_types = ["pyodps3"]
  source     = { official = { image = "dataworks_pyodps_task_pod" } }
  packages   = [{ type = "python3", names = ["jieba==0.42.1"] }]
  test       = { resource_group_id = kiln_resource_group.default.id }
}

# In another configuration, the name is enough.
data "kiln_custom_image" "segmenter" {
  name       = "segmenter"
  depends_on = [kiln_custom_image.segmenter]
}

output "history" {
  value = { for version in data.kiln_custom_image.segmenter.versions : version.number => version.stage }
}
