"""What has to hold before anything is applied: the guards, and the policies that set them."""
