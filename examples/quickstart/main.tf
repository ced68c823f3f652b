# From nothing to a baked image: a network that reaches the package mirror and nothing else, a resource group to work
# in, a custom image with Chinese word segmentation, the workspace that may use it, and its persistent build.

terraform {
  required_providers {
    kiln = {
      source = "kilnhq/kiln"
    }
  }
}

provider "kiln" {}

resource "kiln_workspace" "analytics" {
  name        = "analytics"
  description = "Reports from texts"
}

resource "kiln_network" "mirror" {
  name   = "mirror"
  egress = "restricted"
  allow  = ["deb.debian.org:80"]
}

resource "kiln_resource_group" "default" {
  name       = "default"
  type       = "serverless"
  network_id = kiln_network.mirror.id
  cu         = 2
  time_zone  = "Asia/Shanghai"
}

resource "kiln_custom_image" "segmenter" {
  name        = "segmenter"
  description = "PyODPS with Chinese word segmentation"
  task_types  = ["pyodps3", "shell"]

  source = {
    official = { image = "dataworks_pyodps_task_pod" }
  }

  packages = [
    { type = "apt", names = ["python3-jieba=0.42.1-3"] },
  ]

  test = {
    resource_group_id = kiln_resource_group.default.id
    commands          = ["/home/tops/bin/python3 -c 'import jieba'"]
  }
}

resource "kiln_image_workspace_binding" "analytics" {
  image_id     = kiln_custom_image.segmenter.id
  workspace_id = kiln_workspace.analytics.id
}

resource "kiln_persistent_build" "segmenter" {
  image_id          = kiln_custom_image.segmenter.id
  image_version     = kiln_custom_image.segmenter.published_version
  resource_group_id = kiln_resource_group.default.id
}
