# The official images that serve Python tasks.
data "kiln_official_images" "python" {
  task_type = "python"
}

output "python_images" {
  value = { for i in data.kiln_official_images.python.images : i.name => i.version... }
}
