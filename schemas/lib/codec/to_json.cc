// FlatBuffer → JSON text, without a tree between.
#include <boost/json/serialize.hpp>
#include <charconv>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/reader.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/patch/fieldset.h"

namespace kubus::codec {
namespace {

using flatbuffers::Table;
using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

class Writer {
 public:
  Writer(const JsonOptions& options, std::string* out) : options_(options), out_(*out) {}

  void object(const schema::KindInfo& kind, const Table* t) {
    out_ += '{';
    bool first = true;
    if (options_.type_meta) {
      out_ += "\"kind\":\"" + kind.kind + "\",\"apiVersion\":\"" + kind.api_version() + "\"";
      first = false;
    }
    fields(*kind.type, t, first);
    out_ += '}';
  }

 private:
  void table(const TypeInfo& type, const Table* t) {
    out_ += '{';
    fields(type, t, true);
    out_ += '}';
  }

  void fields(const TypeInfo& type, const Table* t, bool first) {
    for (const FieldInfo& f : type.fields) {
      bool present = t && t->CheckField(f.voffset);
      if (!present && !f.always) continue;
      if (f.kind == ValueKind::kTable && f.is_list && !options_.managed_fields &&
          f.name == "managedFields")
        continue;
      if (!first) out_ += ',';
      first = false;
      out_ += '"';
      out_ += f.name;
      out_ += "\":";
      if (present) {
        value(f, *t);
      } else {
        empty(f);
      }
    }
  }

  // What an absent field that is always shown looks like.
  void empty(const FieldInfo& f) {
    switch (f.kind) {
      case ValueKind::kBool:
        out_ += "false";
        return;
      case ValueKind::kInt32:
      case ValueKind::kInt64:
      case ValueKind::kDouble:
        out_ += '0';
        return;
      case ValueKind::kTime:
      case ValueKind::kMicroTime:
        out_ += "null";
        return;
      case ValueKind::kTable:
        table(*f.type, nullptr);
        return;
      default:
        out_ += "\"\"";
    }
  }

  void value(const FieldInfo& f, const Table& t) {
    if (f.is_map) return map(f, t);
    if (f.is_list) return list(f, t);
    switch (f.kind) {
      case ValueKind::kTable:
        return table(*f.type, read_pointer<Table>(t, f));
      case ValueKind::kIntOrString:
        return int_or_string(*read_pointer<Table>(t, f));
      case ValueKind::kDouble: {
        char text[32];
        out_.append(text,
                    std::to_chars(text, text + sizeof text, t.GetField<double>(f.voffset, 0)).ptr);
        return;
      }
      case ValueKind::kBytes:
      case ValueKind::kFieldSet:
        return bytes(f.kind, read_pointer<flatbuffers::Vector<uint8_t>>(t, f));
      case ValueKind::kString:
      case ValueKind::kQuantity:
      case ValueKind::kRawJson:
        return scalar(f.kind, read_pointer<flatbuffers::String>(t, f));
      default:
        return number(f, t);
    }
  }

  void number(const FieldInfo& f, const Table& t) {
    bool present = false;
    int64_t n = read_number(t, f, &present);
    switch (f.kind) {
      case ValueKind::kBool:
        out_ += n ? "true" : "false";
        return;
      case ValueKind::kTime:
        string(format_time(n));
        return;
      case ValueKind::kMicroTime:
        string(format_micro_time(n));
        return;
      case ValueKind::kDecimal:
        out_ += '"';
        digits(static_cast<uint64_t>(n));
        out_ += '"';
        return;
      default:
        digits(n);
    }
  }

  template <class T>
  void digits(T n) {
    char text[24];
    out_.append(text, std::to_chars(text, text + sizeof text, n).ptr);
  }

  void scalar(ValueKind kind, const flatbuffers::String* s) {
    if (kind == ValueKind::kRawJson) {
      out_.append(s->c_str(), s->size());
    } else {
      string(view(s));
    }
  }

  void bytes(ValueKind kind, const flatbuffers::Vector<uint8_t>* v) {
    ByteView raw = v ? ByteView(v->data(), v->size()) : ByteView();
    if (kind == ValueKind::kBytes) return string(base64(raw));
    // verify leaves what a field set holds to its readers: it is read seldom.
    auto set = patch::FieldSet::from_compact(raw);
    std::string text = set ? boost::json::serialize(set->to_fields_v1()) : "";
    out_ += set && valid_utf8(text) ? text : "{}";
  }

  void int_or_string(const Table& t) {
    const auto* text = t.GetPointer<const flatbuffers::String*>(6);
    if (text) return string(view(text));
    digits(t.GetField<int32_t>(4, 0));
  }

  template <class List, class Each>
  void items(const List& list, Each&& each) {
    out_ += '[';
    bool first = true;
    for (auto item : list) {
      if (!first) out_ += ',';
      first = false;
      each(item);
    }
    out_ += ']';
  }

  void list(const FieldInfo& f, const Table& t) {
    switch (f.kind) {
      case ValueKind::kTable:
        return items(*read_pointer<Tables>(t, f), [&](const Table* item) { table(*f.type, item); });
      case ValueKind::kInt32:
        return items(*read_pointer<flatbuffers::Vector<int32_t>>(t, f),
                     [&](int32_t n) { digits(n); });
      case ValueKind::kInt64:
        return items(*read_pointer<flatbuffers::Vector<int64_t>>(t, f),
                     [&](int64_t n) { digits(n); });
      default:
        return items(*read_pointer<Strings>(t, f),
                     [&](const flatbuffers::String* s) { scalar(f.kind, s); });
    }
  }

  void map(const FieldInfo& f, const Table& t) {
    out_ += '{';
    bool first = true;
    for (const Table* e : *read_pointer<Tables>(t, f)) {
      if (!first) out_ += ',';
      first = false;
      string(view(e->GetPointer<const flatbuffers::String*>(kEntryKey)));
      out_ += ':';
      if (f.kind == ValueKind::kBytes) {
        bytes(f.kind, e->GetPointer<const flatbuffers::Vector<uint8_t>*>(kEntryValue));
      } else {
        string(view(e->GetPointer<const flatbuffers::String*>(kEntryValue)));
      }
    }
    out_ += '}';
  }

  void string(std::string_view s) {
    out_ += '"';
    size_t begin = 0;
    for (size_t i = 0; i < s.size(); ++i) {
      auto c = static_cast<unsigned char>(s[i]);
      if (c >= 0x20 && c != '"' && c != '\\') continue;
      out_.append(s, begin, i - begin);
      begin = i + 1;
      escape(c);
    }
    out_.append(s, begin, s.size() - begin);
    out_ += '"';
  }

  void escape(unsigned char c) {
    static constexpr char kHex[] = "0123456789abcdef";
    switch (c) {
      case '"':
        out_ += "\\\"";
        return;
      case '\\':
        out_ += "\\\\";
        return;
      case '\n':
        out_ += "\\n";
        return;
      case '\r':
        out_ += "\\r";
        return;
      case '\t':
        out_ += "\\t";
        return;
      default:
        out_ += "\\u00";
        out_ += kHex[c >> 4];
        out_ += kHex[c & 15];
    }
  }

  const JsonOptions& options_;
  std::string& out_;
};

}  // namespace

void to_json(const schema::KindInfo& kind, ByteView bytes, const JsonOptions& options,
             std::string* out) {
  constexpr size_t kTypicalGrowth = 2;
  out->reserve(out->size() + bytes.size() * kTypicalGrowth);
  Writer(options, out).object(kind, root_of(bytes));
}

}  // namespace kubus::codec
