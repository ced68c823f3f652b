# By the id or by the name. The password of an imported registry stays the one that the daemon has, until password_wo_version changes.
terraform import kiln_registry.acr reg-0192a1f0-7c9e-7d1a-9a40-5f6c1f0f2b11
# or
terraform import kiln_registry.acr acr
