#include "services/store/check/segments.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "services/store/journal/segment_format.h"
#include "services/store/state/overlay.h"

namespace kubus::store {
namespace {

namespace fs = std::filesystem;

std::string place(const std::string& path, size_t offset) {
  return path + " at offset " + std::to_string(offset);
}
Error wrong(const std::string& where, const std::string& what) {
  return Error(Code::kInvalid, "journal: " + where + ": " + what);
}
std::string revision_text(uint64_t revision) {
  return "revision " + std::to_string(revision);
}

}  // namespace

Status Segments::read(const std::string& directory) {
  std::map<uint64_t, std::string> paths;
  std::error_code code;
  for (const auto& item : fs::directory_iterator(directory, code)) {
    std::string digits = item.path().stem();
    bool segment = item.path().extension() == ".seg" && !digits.empty() &&
                   digits.find_first_not_of("0123456789") == std::string::npos;
    if (segment) paths[std::strtoull(digits.c_str(), nullptr, 10)] = item.path();
  }
  if (code && code != std::errc::no_such_file_or_directory)
    return Error(Code::kUnavailable, "reading " + directory + ": " + code.message());
  for (const auto& [first, path] : paths) {
    if (Status s = read_file(path, first); !s) return s;
  }
  return {};
}

Status Segments::read_file(const std::string& path, uint64_t first) {
  std::ifstream in(path, std::ios::binary);
  if (!in && !fs::exists(path)) return {};  // it was let go of meanwhile
  if (!in) return Error(Code::kUnavailable, "reading " + path + ": " + std::strerror(errno));
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  ByteView file = as_bytes(bytes);
  auto header = decode_segment_header(file);
  if (!header) return wrong(path, header.error().message);
  if (header->first.value() != first) return {};  // it was being made anew
  ++files_;
  size_t offset = kSegmentHeader;
  uint64_t next = first;
  auto frame = read_frame(file, header->id, offset);
  for (; frame && frame->header.first == next; frame = read_frame(file, header->id, offset)) {
    if (Status s = add(place(path, offset), next, frame->header.last, frame->body, frame->chain);
        !s)
      return s;
    next = frame->header.last + 1;
    offset = frame->end;
  }
  auto later = find_frame(file, header->id, offset);
  bool knew = later && later->header.synced > offset;
  gaps_.push_back({place(path, offset), next, knew ? later->header.last : 0});
  return {};
}

Status Segments::add(const std::string& where, uint64_t first, uint64_t last, ByteView body,
                     const Chain& chain) {
  std::vector<OverlayPut> puts;
  if (!Overlay::decode(body, &puts)) return wrong(where, "a malformed batch");
  Batch batch{first, last, chain, {}, {}, where};
  for (const OverlayPut& put : puts) {
    if (put.erase) continue;
    if (put.space == Keyspace::kSecrets) batch.digests.push_back(archive::digest_of(put.value));
    if (put.space != Keyspace::kJournal) continue;
    auto record = decode_record(put.value);
    uint64_t expected = first + batch.records.size();
    bool sound = record && put.key.size() == sizeof(uint64_t) && read_u64(put.key, 0) == expected;
    if (!sound) return wrong(where, revision_text(expected) + ": a malformed record");
    batch.records.push_back(batch.digests.size());
    batch.digests.push_back(archive::event_digest(*record, record->event));
  }
  if (batch.records.size() != last - first + 1)
    return wrong(where, revision_text(first + batch.records.size()) + ": its record is missing");
  batches_[first] = std::move(batch);
  return {};
}

Status Segments::compare(uint64_t revision, const Chain& event, const Chain& after) const {
  auto at = batches_.upper_bound(revision);
  if (at == batches_.begin()) return {};
  const Batch& batch = std::prev(at)->second;
  if (revision > batch.last) return {};
  if (batch.digests[batch.records[revision - batch.first]] != event) {
    return wrong(batch.where, revision_text(revision) + ": it is not what the tables hold of it");
  }
  if (revision != batch.last || batch.chain == after) return {};
  return wrong(batch.where, revision_text(revision) +
                                ": the chain of hashes is another than the "
                                "tables'");
}

Status Segments::follow(uint64_t applied, const Chain& chain) {
  Chain now = chain;
  uint64_t next = applied + 1;
  last_ = applied;
  std::string gap_at = "the tables";
  for (const Gap& gap : gaps_) {
    if (gap.later == 0) continue;
    return wrong(gap.where, "it is damaged: sound batches up to revision " +
                                std::to_string(gap.later) + " stand behind it");
  }
  for (const auto& [first, batch] : batches_) {
    if (batch.last <= applied) continue;
    for (const Gap& gap : gaps_) {
      if (gap.expected == next) gap_at = gap.where;
    }
    if (first > next)
      return wrong(gap_at, revision_text(next) + " is missing, and " + batch.where + " goes on");
    if (first < next)
      return wrong(batch.where,
                   "the tables end within a batch, at revision " + std::to_string(applied));
    for (const Chain& digest : batch.digests) now = chain_next(now, digest);
    if (now != batch.chain)
      return wrong(batch.where, revision_text(batch.last) + ": the chain of hashes does not fit");
    next = batch.last + 1;
    last_ = batch.last;
  }
  return {};
}

}  // namespace kubus::store
