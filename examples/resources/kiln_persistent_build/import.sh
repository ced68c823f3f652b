# By its id, or by the id or the name of its image.
terraform import kiln_persistent_build.segmenter build-0192a1f0-7c9e-7d1a-9a40-5f6c1f0f2b11
# or
terraform import kiln_persistent_build.segmenter segmenter
