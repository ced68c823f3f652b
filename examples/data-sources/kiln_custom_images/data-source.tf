# Images whose last version failed its test: the published one goes on serving.
data "kiln_custom_images" "broken" {
  stages = ["TestFailed"]
}

output "broken_images" {
  value = [for image in data.kiln_custom_images.broken.images : "${image.name}, version ${image.version}"]
}
