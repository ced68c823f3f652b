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
  name        = "segmenter"
  description = "PyODPS with Chinese word segmentation"
  task_types  = ["pyodps3", "shell"]

  source = {
    official = { image = "dataworks_pyodps_task_pod" }
  }

  packages = [
    { type = "apt", names = ["tree=2.1.0-1"] },
    { type = "python3", names = ["jieba==0.42.1"] },
    { type = "script", script = "pip3 install 'urllib3==1.26.16'" },
  ]
  files = [
    { source = "${path.module}/dict.txt", target = "/opt/dict.txt" },
    { content = "strict = true\n", target = "/etc/segmenter.conf", mode = "0600" },
  ]
  env = { LANG = "C.UTF-8" }

  test = {
    resource_group_id = kiln_resource_group.default.id
    commands          = ["python3 -c 'import jieba'"]
  }
  timeouts = { create = "45m" }
}
