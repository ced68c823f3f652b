output "containerfile" {
  description = "What was built; it is known in the plan."
  value       = kiln_custom_image.segmenter.containerfile
}

output "digest" {
  description = "What identifies the baked image."
  value       = kiln_persistent_build.segmenter.digest
}

output "image_ref" {
  description = "What a client pulls."
  value       = kiln_persistent_build.segmenter.image_ref
}
