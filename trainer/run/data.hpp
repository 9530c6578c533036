// The images that a config asks for.
#pragma once

#include <functional>
#include <string>

#include "engine/data/catalog.hpp"
#include "engine/data/dataset.hpp"
#include "engine/data/normalize.hpp"
#include "trainer/config/config.hpp"

namespace hone {

// The data set of that name. Throws Error(config) at `where` where none has it.
const DatasetInfo& known_dataset(const std::string& name, const Location& where);

// What can be told from config and catalog before any data is read: fills in model.input where a named data set tells
// it, and throws Error(config) for shapes that are impossible.
void resolve_model(Config& config);

// Loads, samples (data.limit) and splits (data.validation); fills in model.input where the config left it to the data.
// progress is called every now and then; what it throws ends the loading.
Dataset load_data(Config& config, const std::function<void()>& progress);

// As a JSON text: what a checkpoint says of its labels and of how bytes become input.
std::string format_labels(const std::vector<std::string>& labels);
std::string format_normalization(const Normalization& normalization);
// Error(checkpoint) naming `file` where the text is damaged.
std::vector<std::string> parse_labels(const std::string& text, const std::string& file);
Normalization parse_normalization(const std::string& text, const std::string& file);

}  // namespace hone
