# By the id or by the name.
terraform import kiln_network.mirror net-0192a1f0-7c9e-7d1a-9a40-5f6c1f0f2b11
# or
terraform import kiln_network.mirror mirror
