# Images whose last version failed its test: the published one goes on serving.
data "kiln_custom_images" "broken" {
  stages = ["TestFailed"]
}

output "broken_images" {
  value = [for image in data.kiln_custom_images.broken.images : "${image.name}, version ${image.version}"]
}

variable "workspace_id" {
  description = "The id of a workspace."
  type        = string
  default     = null
}

# What a workspace may use, the newest first.
data "kiln_custom_images" "bound" {
  workspace_ids = var.workspace_id == null ? null : [var.workspace_id]
  order_by      = "created"
  descending    = true
}
