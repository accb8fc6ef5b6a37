#include <boost/program_options.hpp>
#include <iostream>

#include "agents/image/image.h"

namespace {

namespace po = boost::program_options;

// "HOSTPATH=PATH" is a file, "@TARGET=PATH" a link, "=PATH" a directory.
kubus::agents::ImageFile file_of(const std::string& text) {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos) return {text, text, ""};
  std::string from = text.substr(0, equals), path = text.substr(equals + 1);
  if (!from.empty() && from[0] == '@') return {path, "", from.substr(1)};
  return {path, from, ""};
}

}  // namespace

int main(int argc, char** argv) {
  kubus::agents::ImageRecipe recipe;
  std::vector<std::string> files;
  std::string out;
  po::options_description known("kubus-image: makes an image archive of files");
  auto add = known.add_options();
  add("help,h", "this text");
  add("name", po::value(&recipe.name)->required(), "the image's name, with host and tag");
  add("add", po::value(&files), "HOSTPATH=PATH a file, @TARGET=PATH a link, =PATH a directory");
  add("entrypoint", po::value(&recipe.entrypoint)->multitoken(), "what it runs");
  add("cmd", po::value(&recipe.command)->multitoken(), "its arguments");
  add("env", po::value(&recipe.environment), "NAME=value");
  add("output,o", po::value(&out)->required(), "the archive");
  po::variables_map options;
  try {
    po::store(po::parse_command_line(argc, argv, known), options);
    if (options.count("help")) return (std::cout << known), 0;
    po::notify(options);
  } catch (const po::error& e) {
    return (std::cerr << e.what() << "\n"), 2;
  }
  for (const std::string& f : files) recipe.files.push_back(file_of(f));
  kubus::Status done = kubus::agents::write_image(recipe, out);
  if (!done) return (std::cerr << done.error().message << "\n"), 1;
  return 0;
}
