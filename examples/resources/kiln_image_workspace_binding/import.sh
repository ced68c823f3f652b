# By the image and the workspace, each an id or a name.
terraform import kiln_image_workspace_binding.analytics segmenter/analytics
