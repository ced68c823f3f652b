data "kiln_quota" "here" {}

# A warning in time: it is shown in each plan, and refuses nothing.
check "room_for_images" {
  assert {
    condition     = data.kiln_quota.here.images_used <= 0.9 * data.kiln_quota.here.images_limit
    error_message = "Region ${data.kiln_quota.here.region} holds ${data.kiln_quota.here.images_used} of ${data.kiln_quota.here.images_limit} images."
  }
}

output "images_left" {
  value = data.kiln_quota.here.images_limit - data.kiln_quota.here.images_used
}
