#include "agents/proxy/kept.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "agents/proxy/nft/nftables.h"

namespace kubus::proxy {
namespace {

std::string file_in(const std::string& state_dir) {
  return state_dir + "/rules.nft";
}

}  // namespace

Status keep(const std::string& state_dir, const std::string& whole) {
  std::error_code code;
  std::filesystem::create_directories(state_dir, code);
  std::string path = file_in(state_dir), fresh = path + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << whole;
  out.close();
  if (!out) return Error(Code::kInternal, "cannot write " + fresh);
  std::filesystem::rename(fresh, path, code);
  if (code) return Error(Code::kInternal, "cannot replace " + path + ": " + code.message());
  return {};
}

Status restore(const std::string& state_dir, const std::string& table) {
  if (Nftables::present(table)) return {};
  std::ifstream in(file_in(state_dir), std::ios::binary);
  if (!in) return {};
  std::string whole(std::istreambuf_iterator<char>(in), {});
  return Nftables::run(whole);
}

}  // namespace kubus::proxy
