// Pictures sorted into folders: train/<class>/<picture>, test/<class>/..., optionally validation/<class>/...
#pragma once

#include <filesystem>

#include "engine/data/dataset.hpp"

namespace hone {

// Labels are the places of the class folders of train/ in byte order; the other splits may have no further ones. Names
// that begin with a dot are passed over. Pictures become options.shape; without it, the shape of the first one that
// can be read. What can't be read is named and counted: an error, or left out with options.skip_unreadable.
Dataset load_image_folder(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace hone
