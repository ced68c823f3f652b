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

resource "kiln_persistent_build" "segmenter" {
  image_id          = kiln_custom_image.segmenter.id
  image_version     = kiln_custom_image.segmenter.published_version
  resource_group_id = kiln_resource_group.default.id
  cu                = 1
}

output "image_ref" {
  value = kiln_persistent_build.segmenter.image_ref
}
