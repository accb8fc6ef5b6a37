#include "bus/kit/client.h"

#include <boost/json/value.hpp>

#include "bus/kit/calls.h"
#include "bus/kit/requests.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/check.h"

namespace kubus::kit {
namespace {

constexpr int kListAttempts = 3;

Result<Object> object_of(const schema::KindInfo& kind, const Payload& payload,
                         const flatbuffers::Vector<uint8_t>& bytes) {
  auto object = Object::from(kind, payload.part({bytes.data(), bytes.size()}));
  if (!object) return Error(Code::kInternal, "the answer holds a malformed " + kind.kind);
  return *std::move(object);
}

Result<Object> object_in(const schema::KindInfo& kind, const Answer& answer) {
  const wire::Outcome& outcome = answer.outcome();
  if (auto ok = status_of(outcome); !ok) return ok.error();
  if (!outcome.object()) return Object();
  return object_of(kind, answer.payload(), *outcome.object());
}

Result<Page> page_in(const schema::KindInfo& kind, const Answer& answer) {
  const wire::Outcome& outcome = answer.outcome();
  if (auto ok = status_of(outcome); !ok) return ok.error();
  Page page;
  page.revision = Revision(outcome.revision());
  if (outcome.continue_token()) page.continue_token = outcome.continue_token()->str();
  if (!outcome.items()) return page;
  for (const wire::Bytes* item : *outcome.items()) {
    if (!item->bytes()) return Error(Code::kInternal, "the answer holds an empty item");
    auto object = object_of(kind, answer.payload(), *item->bytes());
    if (!object) return object.error();
    page.items.push_back(*std::move(object));
  }
  return page;
}

}  // namespace

const wire::Outcome& Answer::outcome(size_t i) const {
  KUBUS_CHECK(reply_->outcomes() && i < reply_->outcomes()->size());
  return *reply_->outcomes()->Get(static_cast<flatbuffers::uoffset_t>(i));
}

struct Client::Impl {
  Impl(bus::Ports ports, ClientOptions o)
      : options(std::move(o)), subjects(options.cluster), calls(ports, options, subjects) {}

  // The object that a write left: from its answer, or read when the store only remembers it.
  void written(const ObjectKey& key, wire::RequestT request, bool wanted, Done<Object> done) {
    calls.call(std::move(request),
               [this, key, wanted, done = std::move(done)](Result<Answer> answer) mutable {
                 if (!answer) return done(std::move(answer).error());
                 auto object = object_in(*key.kind, *answer);
                 bool read = object && !*object && wanted && !key.name.empty();
                 if (!read) return done(std::move(object));
                 get(key, [done = std::move(done)](Result<Object> found) {
                   bool gone = !found && found.error().code == Code::kNotFound;
                   done(gone ? Result<Object>(Object()) : std::move(found));
                 });
               });
  }

  void get(const ObjectKey& key, Done<Object> done) {
    calls.call(request_for(wire::Verb::Get, key),
               [kind = key.kind, done = std::move(done)](Result<Answer> answer) {
                 if (!answer) return done(std::move(answer).error());
                 auto object = object_in(*kind, *answer);
                 if (object && !*object) {
                   return done(Error(Code::kInternal, "the answer holds no " + kind->kind));
                 }
                 done(std::move(object));
               });
  }

  struct Listing {
    const schema::KindInfo* kind;
    std::string ns, labels, fields;
    Page all;
    int attempts = 1;
    Done<Page> done;
  };

  void list(const Listing& l, uint32_t limit, std::string_view token, Done<Page> done) {
    wire::RequestT request = request_for(wire::Verb::List, {l.kind, l.ns, ""});
    wire::OperationT& op = *request.operations.front();
    op.label_selector = l.labels;
    op.field_selector = l.fields;
    op.limit = limit;
    op.continue_token = token;
    calls.call(std::move(request), [kind = l.kind, done = std::move(done)](Result<Answer> answer) {
      if (!answer) return done(std::move(answer).error());
      done(page_in(*kind, *answer));
    });
  }

  void next_page(std::shared_ptr<Listing> l) {
    list(*l, 0, l->all.continue_token, [this, l](Result<Page> page) {
      // The list's revision was compacted under it: begin anew.
      if (!page && page.error().code == Code::kExpired && l->attempts < kListAttempts) {
        ++l->attempts;
        l->all = {};
        return next_page(l);
      }
      if (!page) return l->done(std::move(page).error());
      l->all.revision = page->revision;
      l->all.continue_token = std::move(page->continue_token);
      for (Object& o : page->items) l->all.items.push_back(std::move(o));
      if (!l->all.continue_token.empty()) return next_page(l);
      l->done(std::move(l->all));
    });
  }

  ClientOptions options;
  bus::Subjects subjects;
  Calls calls;
};

Client::Client(bus::Ports ports, ClientOptions options)
    : impl_(std::make_unique<Impl>(ports, std::move(options))) {}
Client::~Client() = default;

void Client::call(wire::RequestT request, Done<Answer> done) {
  impl_->calls.call(std::move(request), std::move(done));
}

void Client::get(const ObjectKey& key, Done<Object> done) {
  impl_->get(key, std::move(done));
}

void Client::list(const schema::KindInfo& kind, std::string_view ns,
                  std::string_view label_selector, std::string_view field_selector, uint32_t limit,
                  std::string_view continue_token, Done<Page> done) {
  impl_->list({&kind, std::string(ns), std::string(label_selector), std::string(field_selector)},
              limit, continue_token, std::move(done));
}

void Client::list_all(const schema::KindInfo& kind, std::string_view ns,
                      std::string_view label_selector, std::string_view field_selector,
                      Done<Page> done) {
  impl_->next_page(std::make_shared<Impl::Listing>(Impl::Listing{&kind,
                                                                 std::string(ns),
                                                                 std::string(label_selector),
                                                                 std::string(field_selector),
                                                                 {},
                                                                 1,
                                                                 std::move(done)}));
}

void Client::create(const schema::KindInfo& kind, std::string_view ns,
                    const boost::json::value& value, WriteOptions options, Done<Object> done) {
  auto request = create_request(kind, ns, value, options);
  if (!request)
    return impl_->calls.fail_soon(std::move(request).error(),
                                  [done = std::move(done)](Result<Answer> a) { done(a.error()); });
  ObjectKey key{&kind, std::string(ns), request->operations.front()->name};
  impl_->written(key, *std::move(request), options.return_object, std::move(done));
}

void Client::merge_patch(const ObjectKey& key, std::string patch, WriteOptions options,
                         Done<Object> done) {
  impl_->written(key, merge_patch_request(key, patch, options), options.return_object,
                 std::move(done));
}

void Client::remove(const ObjectKey& key, std::optional<int64_t> grace_seconds,
                    WriteOptions options, std::function<void(Status)> done) {
  options.return_object = false;
  impl_->calls.call(delete_request(key, grace_seconds, options),
                    [done = std::move(done)](Result<Answer> answer) {
                      if (!answer) return done(std::move(answer).error());
                      done(status_of(answer->outcome()));
                    });
}

const ClientOptions& Client::options() const {
  return impl_->options;
}
const bus::Subjects& Client::subjects() const {
  return impl_->subjects;
}
const ClientStats& Client::stats() const {
  return impl_->calls.stats();
}

}  // namespace kubus::kit
