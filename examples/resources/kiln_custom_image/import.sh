# By the id or by the name. Where files come from on this machine is not known to the daemon:
# the next plan shows it as a change, which makes no new version.
terraform import kiln_custom_image.segmenter img-0192a1f0-7c9e-7d1a-9a40-5f6c1f0f2b11
# or
terraform import kiln_custom_image.segmenter segmenter
