//! Boots the image and uses it as a person would.
