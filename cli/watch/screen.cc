#include "cli/watch/screen.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <set>

#include "cli/output/printer.h"
#include "schemas/lib/table/table.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;
using Style = ScreenLine::Style;

constexpr size_t kTailShare = 4, kLeastTail = 3;

std::string text_of(const json::value& cell) {
  return cell.is_string() ? std::string(cell.as_string())
         : cell.is_null() ? "<none>"
                          : json::serialize(cell);
}

std::string upper(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return name;
}

// "1/2" says that one is missing.
bool incomplete(const std::string& text) {
  size_t slash = text.find('/');
  return slash != std::string::npos && text.substr(0, slash) != text.substr(slash + 1);
}

bool is_bad(const std::vector<std::string>& head, const std::vector<std::string>& cells) {
  static const std::set<std::string> kWell = {"Ready",     "Running", "Completed",
                                              "Succeeded", "Active",  ""};
  bool over = false, bad = false;
  for (size_t i = 0; i < head.size() && i < cells.size(); ++i) {
    if (head[i] == "STATUS") {
      over = cells[i] == "Completed" || cells[i] == "Succeeded";
      bad |= !kWell.contains(cells[i]);
    }
    bad |= head[i] == "READY" && incomplete(cells[i]);
  }
  return bad && !over;
}

std::string cut(const std::string& text, size_t width) {
  if (width == 0) return text;
  size_t columns = 0, i = 0;
  for (; i < text.size(); ++i) {
    bool begins = (text[i] & 0xC0) != 0x80;
    if (begins && columns++ == width) break;
  }
  return text.substr(0, i);
}

// How many rows each table shows: the small ones all of theirs, the others what is left, alike.
std::vector<size_t> shares(const std::vector<ScreenTable>& tables, size_t room) {
  std::vector<size_t> out(tables.size(), 0);
  for (bool grew = true; room > 0 && grew;) {
    grew = false;
    for (size_t i = 0; i < tables.size() && room > 0; ++i) {
      if (out[i] == tables[i].rows.size()) continue;
      ++out[i];
      --room;
      grew = true;
    }
  }
  return out;
}

void add_table(const ScreenTable& table, size_t most, std::vector<ScreenLine>* out) {
  size_t all = table.rows.size();
  std::string title = table.title + " " + std::to_string(all);
  auto bad = static_cast<size_t>(std::count_if(table.rows.begin(), table.rows.end(),
                                               [](const ScreenRow& r) { return r.bad; }));
  if (bad > 0) title += ", " + std::to_string(bad) + " not as they should be";
  if (most < all) title += ", " + std::to_string(all - most) + " not shown";
  out->push_back({title, Style::kTitle});
  if (most == 0) return;
  std::vector<const ScreenRow*> order;
  for (const ScreenRow& row : table.rows) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(),
                   [](const ScreenRow* a, const ScreenRow* b) { return a->bad && !b->bad; });
  order.resize(most);
  std::vector<std::vector<std::string>> cells{table.head};
  for (const ScreenRow* row : order) cells.push_back(row->cells);
  std::string text = align(cells);
  size_t begin = 0;
  for (size_t i = 0; begin < text.size(); ++i) {
    size_t end = text.find('\n', begin);
    Style style = i == 0 ? Style::kHead : order[i - 1]->bad ? Style::kBad : Style::kPlain;
    out->push_back({text.substr(begin, end - begin), style});
    begin = end + 1;
  }
}

}  // namespace

ScreenTable table_of(const schema::KindInfo& kind, const std::vector<Object>& objects, bool with_ns,
                     int64_t now) {
  ScreenTable out;
  out.title = kind.resource;
  out.title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out.title[0])));
  if (with_ns) out.head.emplace_back("NAMESPACE");
  for (const schema::Column& c : kind.columns) {
    if (c.priority == 0) out.head.push_back(upper(c.name));
  }
  for (const Object& o : objects) {
    json::array cells = table::cells(o, now);
    ScreenRow& row = out.rows.emplace_back();
    if (with_ns) row.cells.emplace_back(o.ns());
    for (size_t i = 0; i < cells.size() && i < kind.columns.size(); ++i) {
      if (kind.columns[i].priority == 0) row.cells.push_back(text_of(cells[i]));
    }
    row.bad = is_bad(out.head, row.cells);
  }
  return out;
}

std::vector<ScreenLine> lay_out(const Screen& screen, size_t width, size_t height) {
  std::vector<ScreenLine> out{{screen.title, Style::kTitle}};
  size_t tail = screen.tail.size(), room = SIZE_MAX;
  if (height > 0) {
    tail = std::min(tail, std::max(kLeastTail, height / kTailShare));
    // The title; of each table a blank line, its title and its head; of the tail two.
    size_t fixed = 1 + 3 * screen.tables.size() + 2 + tail;
    room = height > fixed ? height - fixed : 0;
  }
  std::vector<size_t> rows = shares(screen.tables, room);
  for (size_t i = 0; i < screen.tables.size(); ++i) {
    out.push_back({});
    add_table(screen.tables[i], rows[i], &out);
  }
  if (tail > 0) {
    out.push_back({});
    out.push_back({"Transitions", Style::kTitle});
  }
  for (size_t i = screen.tail.size() - tail; i < screen.tail.size(); ++i)
    out.push_back({screen.tail[i]});
  if (height > 0 && out.size() > height) out.resize(height);
  for (ScreenLine& line : out) line.text = cut(line.text, width);
  return out;
}

}  // namespace kubus::cli
