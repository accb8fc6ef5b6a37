// The state machine on memory disks: visibility, crashes at every point, the past, lanes, index,
// limits.
#include "services/store/state/state.h"

#include "services/store/state/state_fixture.h"

namespace kubus::store::testing {
namespace {

TEST_F(StateTest, an_empty_store_answers) {
  View v = state_->committed();
  EXPECT_EQ(v.revision(), Revision());
  EXPECT_FALSE(v.find(maps_, "default", "a"));
  EXPECT_FALSE(v.find_at(maps_, "default", "a", Revision())->revision);
  ListPage page;
  EXPECT_TRUE(v.list({.kind = &maps_}, &page).ok());
  EXPECT_TRUE(page.items.empty());
  EXPECT_TRUE(page.token.empty());
  EXPECT_EQ(page.remaining, std::nullopt);
  EXPECT_TRUE(v.events_after({}, Revision())->events.empty());
  EXPECT_EQ(*v.revision_at(0), Revision());
  EXPECT_TRUE(state_->take_moved_lanes().empty());
  EXPECT_TRUE(state_->verify().ok());
}

TEST_F(StateTest, readers_see_only_what_is_durable) {
  commit({add("a", "1")});
  EXPECT_EQ(now("a"), "-");
  EXPECT_EQ(text(state_->latest().find(maps_, "default", "a")), "1");
  EXPECT_EQ(done_, 0);
  settle();
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(now("a"), "1");
  apply();
  EXPECT_EQ(now("a"), "1");
  EXPECT_EQ(state_->stats().overlay_changes, 0u);
}

TEST_F(StateTest, batches_that_wait_share_one_sync) {
  commit({add("a", "1")});
  for (int i = 0; i < 5; ++i) commit({add("b" + std::to_string(i), "1")});
  settle();
  EXPECT_EQ(done_, 6);
  EXPECT_EQ(state_->stats().syncs, 2u);
}

TEST_F(StateTest, a_transaction_sees_itself_and_rolls_back) {
  commit({add("a", "1")});
  settle();
  Transaction t = state_->begin();
  auto begin = t.savepoint();
  EXPECT_EQ(t.add(modify("a", "2").change(), {}), Revision(2));
  auto inner = t.savepoint();
  EXPECT_EQ(t.add(add("b", "1").change(), {}), Revision(3));
  EXPECT_EQ(text(t.view().find(maps_, "default", "b")), "1");
  EXPECT_EQ(t.view().count(maps_, std::nullopt), 1u);  // lanes move when the batch is sealed
  t.rollback(inner);
  EXPECT_FALSE(t.view().find(maps_, "default", "b"));
  EXPECT_EQ(text(t.view().find(maps_, "default", "a")), "2");
  t.rollback(begin);
  EXPECT_EQ(text(t.view().find(maps_, "default", "a")), "1");
  EXPECT_EQ(t.next_revision(), Revision(2));
  t.add(remove("a").change(), {});
  t.add(add("a", "3").change(), {});
  state_->commit(std::move(t), [this](Result<Committed> r) { last_ = *std::move(r); });
  settle();
  EXPECT_EQ(now("a"), "3");
  EXPECT_EQ(last_.first, Revision(2));
  EXPECT_EQ(last_.last, Revision(3));
  EXPECT_EQ(state_->committed().count(maps_, "default"), 1u);
  EXPECT_EQ(event_of(last_.events[1].event).previous_object(), 2u);
  apply();
  EXPECT_TRUE(state_->verify().ok());
}

TEST_F(StateTest, an_abandoned_transaction_leaves_nothing) {
  {
    Transaction t = state_->begin();
    t.add(add("a", "1").change(), {});
  }
  EXPECT_FALSE(state_->latest().find(maps_, "default", "a"));
  commit({add("a", "2")});
  settle();
  EXPECT_EQ(last_.first, Revision(1));
}

TEST_F(StateTest, an_empty_transaction_is_done_behind_those_before_it) {
  std::vector<int> order;
  auto commit_with = [&](bool change, int n) {
    Transaction t = state_->begin();
    if (change) t.add(add("a" + std::to_string(n), "1").change(), {});
    state_->commit(std::move(t), [&order, n](Result<Committed>) { order.push_back(n); });
  };
  commit_with(false, 0);
  EXPECT_EQ(order, std::vector<int>{0});
  commit_with(true, 1);
  commit_with(false, 2);
  commit_with(true, 3);
  commit_with(false, 4);
  EXPECT_EQ(order.size(), 1u);
  settle();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(StateTest, time_never_goes_back) {
  commit({add("a", "1")});
  int64_t first = world_->clock.wall_ns();
  world_->clock.set_wall(5);
  commit({add("b", "1")});
  settle();
  EXPECT_EQ(last_.time_ns, first);
  reopen();
  commit({add("c", "1")});
  settle();
  EXPECT_EQ(last_.time_ns, first);
}

// ---- crashes ----

TEST_F(StateTest, unsynced_batches_are_lost_in_a_crash_and_synced_ones_are_not) {
  commit({add("a", "1"), add("b", "1")});
  settle();
  commit({add("c", "1")});
  reopen();
  EXPECT_EQ(now("a"), "1");
  EXPECT_EQ(now("c"), "-");
  EXPECT_EQ(state_->committed().revision(), Revision(2));
}

TEST_F(StateTest, a_batch_synced_but_never_acknowledged_is_there_after_a_crash) {
  commit({add("a", "1")});
  world_->workers.step("journal", /*complete=*/false);
  reopen();
  EXPECT_EQ(done_, 0);
  EXPECT_EQ(now("a"), "1");
}

TEST_F(StateTest, a_job_of_the_dead_writes_nothing) {
  commit({add("a", "1")});
  state_.reset();
  settle();
  EXPECT_TRUE(log_->records().empty());
}

TEST_F(StateTest, recovers_whatever_was_applied_at_the_crash) {
  // A few batches, some applied, then a crash before, within and after each further step.
  for (int stop = 0; stop < 8; ++stop) {
    crash();
    tables_ = std::make_shared<MemoryTables>();
    log_ = std::make_shared<MemoryLog>();
    open();
    commit({add("a", "1"), add("b", "1")});
    settle();
    if (stop >= 1) apply();
    commit({modify("a", "2"), remove("b")});
    if (stop >= 2) world_->workers.step("journal", stop != 3);
    if (stop >= 4) world_->clock.advance(std::chrono::seconds(1));
    if (stop >= 5) world_->workers.step("apply", stop != 6);
    if (stop >= 7) settle();
    reopen();
    bool second = stop >= 2;
    EXPECT_EQ(now("a"), second ? "2" : "1") << stop;
    EXPECT_EQ(now("b"), second ? "-" : "1") << stop;
    EXPECT_EQ(at(2, "b"), "1") << stop;
    EXPECT_EQ(state_->committed().count(maps_, "default"), second ? 1u : 2u);
    commit({add("c", "1")});
    apply();
    EXPECT_EQ(last_.first, Revision(second ? 5 : 3));
    EXPECT_TRUE(state_->verify().ok());
  }
}

TEST_F(StateTest, a_failed_journal_undoes_what_it_did_not_take) {
  commit({add("a", "1")});
  settle();
  log_->fail_after(1);
  commit({add("b", "1")});
  commit({modify("a", "2")}, "r1");
  commit({modify("a", "3")});
  settle();
  EXPECT_EQ(done_, 2);
  EXPECT_EQ(failed_, 2);
  EXPECT_EQ(text(state_->latest().find(maps_, "default", "a")), "1");
  EXPECT_EQ(now("b"), "1");
  EXPECT_EQ(state_->room(), Room::kNone);
  EXPECT_NE(state_->room_reason().find("journal failed"), std::string::npos);
  EXPECT_FALSE(state_->remembered("tester", "r1"));
  commit({add("c", "1")});
  EXPECT_EQ(failed_, 3);
  log_->heal();
  reopen();
  EXPECT_EQ(state_->room(), Room::kOk);
  EXPECT_EQ(now("a"), "1");
}

TEST_F(StateTest, a_failing_engine_is_told_and_tried_again) {
  tables_->set_failure("disk on fire");
  commit({add("a", "1")});
  apply();
  EXPECT_EQ(state_->room(), Room::kNone);
  EXPECT_EQ(state_->room_reason(), "disk on fire");
  EXPECT_EQ(now("a"), "1");
  tables_->set_failure("");
  world_->clock.advance(std::chrono::seconds(2));
  settle();
  EXPECT_EQ(state_->room(), Room::kOk);
  EXPECT_EQ(state_->stats().overlay_changes, 0u);
}

TEST_F(StateTest, another_cluster_and_a_newer_format_are_refused) {
  commit({add("a", "1")});
  apply();
  crash();
  options_.cluster_id = "other";
  EXPECT_EQ(try_open().error().code, Code::kConflict);
  options_.cluster_id = "";
  uint32_t format = 99;
  auto e = engine();
  ASSERT_TRUE(e->write({{Put{Keyspace::kMeta,
                             false,
                             as_bytes("format"),
                             {reinterpret_cast<const uint8_t*>(&format), 4}}}})
                  .ok());
  EXPECT_EQ(try_open().error().code, Code::kInvalid);
}

// ---- past ----

TEST_F(StateTest, a_name_has_one_history_through_death) {
  commit({add("a", "1")});
  commit({modify("a", "2")});
  commit({remove("a", "2'")});
  commit({add("x", "1")});
  commit({add("a", "3")});
  for (bool applied : {false, true}) {
    applied ? apply() : settle();
    EXPECT_EQ(at(1, "a"), "1");
    EXPECT_EQ(at(2, "a"), "2");
    EXPECT_EQ(at(3, "a"), "-");
    EXPECT_EQ(at(4, "a"), "-");
    EXPECT_EQ(at(5, "a"), "3");
    EXPECT_EQ(state_->committed().find_at(maps_, "default", "a", Revision(2))->created,
              Revision(1));
    EXPECT_EQ(state_->committed().find(maps_, "default", "a").created, Revision(5));
    EXPECT_EQ(state_->committed().find_at(maps_, "default", "a", Revision(6)).error().code,
              Code::kBadRequest);
    auto page = state_->committed().history(maps_, "default", "a", Revision(), 3);
    ASSERT_EQ(page.events.size(), 3u);
    EXPECT_EQ(event_of(page.events[0]).revision(), 5u);
    EXPECT_EQ(event_of(page.events[1]).type(), wire::EventType::Deleted);
    page = state_->committed().history(maps_, "default", "a", page.next, 3);
    ASSERT_EQ(page.events.size(), 1u);
    EXPECT_EQ(event_of(page.events[0]).revision(), 1u);
    EXPECT_FALSE(page.next);
  }
}

TEST_F(StateTest, secrets_ride_on_no_event_but_are_read_whole) {
  commit({{ChangeType::kAdded, &secrets_, "default", "s", "hunter2"}});
  commit({{ChangeType::kModified, &secrets_, "default", "s", "hunter3"}});
  for (bool applied : {false, true}) {
    applied ? apply() : settle();
    View v = state_->committed();
    EXPECT_EQ(text(v.find(secrets_, "default", "s")), "hunter3");
    EXPECT_EQ(text(*v.find_at(secrets_, "default", "s", Revision(1))), "hunter2");
    EventsPage page = *v.events_after({}, Revision());
    EXPECT_EQ(page.events.size(), 2u);
    for (const Payload& p : page.events) {
      EXPECT_EQ(event_of(p).object(), nullptr);
      EXPECT_EQ(event_of(p).metadata()->size(), 4u);
      EXPECT_EQ(as_text(p.view()).find("hunter"), std::string_view::npos);
    }
  }
  EXPECT_TRUE(state_->verify().ok());
}

TEST_F(StateTest, revisions_by_time) {
  std::vector<int64_t> times;
  for (int i = 0; i < 20; ++i) {
    times.push_back(world_->clock.wall_ns());
    commit({add("a" + std::to_string(i), "1"), add("b" + std::to_string(i), "1")});
    settle();
    world_->clock.advance(std::chrono::seconds(1));
  }
  View v = state_->committed();
  EXPECT_EQ(*v.revision_at(times[0] - 1), Revision(0));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(*v.revision_at(times[i]), Revision(2 * i + 2));
    EXPECT_EQ(*v.revision_at(times[i] + 1), Revision(2 * i + 2));
  }
  state_->compact_to(Revision(10));
  apply();
  EXPECT_EQ(state_->committed().revision_at(times[1]).error().code, Code::kExpired);
  EXPECT_EQ(*state_->committed().revision_at(times[4]), Revision(10));
}

TEST_F(StateTest, requests_are_remembered_also_after_a_crash) {
  commit({add("a", "1"), add("b", "1")}, "r1");
  ASSERT_TRUE(state_->remembered("tester", "r1"));
  EXPECT_FALSE(state_->remembered("tester", "r1")->committed);
  settle();
  EXPECT_TRUE(state_->remembered("tester", "r1")->committed);
  EXPECT_FALSE(state_->remembered("other", "r1"));
  EXPECT_FALSE(state_->remembered("tester", ""));
  reopen();
  ASSERT_TRUE(state_->remembered("tester", "r1"));
  EXPECT_EQ(state_->remembered("tester", "r1")->revisions, (std::vector{Revision(1), Revision(2)}));
  world_->clock.advance(std::chrono::minutes(11));
  commit({add("c", "1")});
  EXPECT_FALSE(state_->remembered("tester", "r1"));
}

// ---- index, notices, ages, notes ----

TEST_F(StateTest, dependents_and_nodes_follow_the_changes) {
  Edit pod{ChangeType::kAdded, &pods_, "default", "p", "1", "node-1", {"uid-1", "uid-2"}};
  commit({pod});
  settle();
  View::Name name{9, "default", "p"};
  EXPECT_EQ(state_->committed().dependents("uid-1", 10), std::vector{name});
  EXPECT_EQ(state_->committed().on_node("node-1", 10), std::vector{name});
  EXPECT_TRUE(state_->committed().on_node("node", 10).empty());
  apply();
  pod.type = ChangeType::kModified;
  pod.owners = {"uid-2", std::string(600, 'u')};
  commit({pod});
  settle();
  EXPECT_TRUE(state_->committed().dependents("uid-1", 10).empty());
  EXPECT_EQ(state_->committed().dependents("uid-2", 10), std::vector{name});
  pod.type = ChangeType::kDeleted;
  commit({pod});
  apply();
  EXPECT_TRUE(state_->committed().dependents("uid-2", 10).empty());
  EXPECT_TRUE(state_->committed().on_node("node-1", 10).empty());
}

TEST_F(StateTest, nodes_hear_of_what_their_pods_refer_to) {
  auto pod = [&](std::string name, std::string node) {
    return Edit{ChangeType::kAdded,
                &pods_,
                "default",
                name,
                "1",
                node,
                {},
                {ObjectKey{&maps_, "default", "m"}}};
  };
  Edit map = add("m", "1");
  map.referable = true;
  commit({pod("p1", "n1"), pod("p2", "n1"), pod("p3", "n2"), map});
  for (bool applied : {false, true}) {
    applied ? apply() : settle();
    View v = state_->committed();
    EXPECT_EQ(v.nodes_referring(maps_, "default", "m"), (std::vector<std::string>{"n1", "n2"}));
    EXPECT_TRUE(v.refers("n1", maps_, "default", "m"));
    EXPECT_FALSE(v.refers("n3", maps_, "default", "m"));
    EXPECT_FALSE(v.refers("n1", maps_, "default", "other"));
    auto page = v.events_after(Lane{nullptr, "", "", "n1"}, Revision());
    ASSERT_EQ(page->events.size(), 3u);
    EXPECT_EQ(event_of(page->events[1]).previous_node(), 1u);
    const wire::Event& notice = event_of(page->events[2]);
    EXPECT_EQ(notice.type(), wire::EventType::Notice);
    EXPECT_EQ(notice.revision(), 4u);
    EXPECT_EQ(notice.previous_node(), 2u);
    EXPECT_EQ(notice.name()->string_view(), "m");
    EXPECT_EQ(notice.object(), nullptr);
    EXPECT_EQ(v.head(Lane{nullptr, "", "", "n2"}), Revision(4));
  }
  ASSERT_EQ(last_.events.size(), 4u);
  ASSERT_EQ(last_.events[3].notices.size(), 2u);
  EXPECT_EQ(last_.events[3].notices[1].node, "n2");
  EXPECT_EQ(event_of(last_.events[3].notices[1].event).previous_node(), 3u);
}

TEST_F(StateTest, the_oldest_of_an_aged_kind) {
  for (int i = 0; i < 6; ++i) {
    Edit e = add("e" + std::to_string(i), "1");
    e.aged = true;
    commit({e});
    settle();
    world_->clock.advance(std::chrono::minutes(1));
  }
  int64_t now = world_->clock.wall_ns(), minute = 60'000'000'000;
  auto names = [&](int64_t before, uint64_t keep, size_t limit = 100) {
    return state_->oldest(maps_, before, keep, limit).size();
  };
  EXPECT_EQ(names(0, 10), 0u);
  EXPECT_EQ(names(0, 4), 2u);
  EXPECT_EQ(names(now - 3 * minute, 10), 3u);
  EXPECT_EQ(names(now, 10, 4), 4u);
  EXPECT_EQ(state_->oldest(maps_, 0, 5, 9)[0].name, "e0");
  commit({remove("e0")});
  apply();
  EXPECT_EQ(state_->oldest(maps_, 0, 4, 9)[0].name, "e1");
}

TEST_F(StateTest, notes_live_with_the_changes_of_their_batch) {
  Transaction t = state_->begin();
  t.put_note("fence/lease", as_bytes("7"));
  t.add(add("a", "1").change(), {});
  state_->commit(std::move(t), [](auto) {});
  EXPECT_TRUE(state_->committed().note("fence/lease").empty());
  settle();
  reopen();
  EXPECT_EQ(as_text(state_->committed().note("fence/lease").view()), "7");
}

TEST_F(StateTest, moved_lanes_are_told_once) {
  commit({add("a", "1"), {ChangeType::kAdded, &pods_, "kube", "p", "1", "n1"}});
  EXPECT_TRUE(state_->take_moved_lanes().empty());
  settle();
  auto moved = state_->take_moved_lanes();
  std::vector<std::string> texts;
  for (auto& [lane, head] : moved) {
    texts.push_back((lane.kind ? lane.kind->resource : "") + "/" + lane.ns + "/" + lane.node + "=" +
                    std::to_string(head.value()));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"//=2", "//n1=2", "configmaps/default/=1",
                                             "pods/kube/=2", "configmaps//=1", "pods//=2"}));
  EXPECT_TRUE(state_->take_moved_lanes().empty());
}

// ---- lists and tokens ----

TEST_F(StateTest, pages_show_one_revision_while_the_world_moves) {
  for (int i = 0; i < 10; ++i) commit({add("m" + std::to_string(i), "old")});
  settle();
  ListPage page;
  ListQuery query{.kind = &maps_, .ns = "default", .limit = 4};
  ASSERT_TRUE(state_->committed().list(query, &page).ok());
  EXPECT_EQ(page.remaining, 6u);
  commit({remove("m4"), modify("m5", "new"), add("m55", "new"), remove("m9")});
  apply();
  std::string seen;
  for (int pages = 0; pages < 5; ++pages) {
    for (const Stored& s : page.items) seen += text(s) + std::to_string(s.revision.value()) + " ";
    EXPECT_EQ(page.revision, Revision(10));
    if (page.token.empty()) break;
    query.token = page.token;
    ASSERT_TRUE(state_->committed().list(query, &page).ok());
  }
  EXPECT_EQ(seen, "old1 old2 old3 old4 old5 old6 old7 old8 old9 old10 ");
  EXPECT_EQ(page.remaining, std::nullopt);
}

TEST_F(StateTest, a_page_with_a_filter_does_bounded_work) {
  for (int i = 0; i < 30; ++i) commit({add("m" + std::to_string(10 + i), i == 29 ? "yes" : "no")});
  settle();
  ListQuery query{
      .kind = &maps_, .max_work = 10, .filter = [](const Stored& s) { return text(s) == "yes"; }};
  ListPage page;
  int pages = 0;
  do {
    ASSERT_TRUE(state_->committed().list(query, &page).ok());
    query.token = page.token;
    EXPECT_EQ(page.remaining, std::nullopt);
    ++pages;
  } while (page.items.empty() && pages < 9);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(page.items.size(), 1u);
}

TEST_F(StateTest, tokens_are_checked) {
  for (int i = 0; i < 5; ++i) commit({add("m" + std::to_string(i), "1")});
  settle();
  ListPage page;
  ListQuery query{.kind = &maps_, .ns = "default", .limit = 2};
  ASSERT_TRUE(state_->committed().list(query, &page).ok());
  std::string token = page.token;
  auto code = [&](ListQuery q, std::string t) {
    q.token = std::move(t);
    Status s = state_->committed().list(q, &page);
    return s.ok() ? "ok" : s.error().code == Code::kBadRequest ? "bad" : "other";
  };
  EXPECT_STREQ(code(query, token), "ok");
  EXPECT_STREQ(code(query, "x"), "bad");
  EXPECT_STREQ(code(query, "%%%%"), "bad");
  for (size_t i = 0; i + 3 < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_STREQ(code(query, forged), "bad") << i;
    EXPECT_STREQ(code(query, token.substr(0, i + 1)), "bad") << i;
  }
  ListQuery other = query;
  other.ns.reset();
  EXPECT_STREQ(code(other, token), "bad");
  other = query;
  other.kind = &pods_;
  EXPECT_STREQ(code(other, token), "bad");
}

TEST_F(StateTest, a_token_of_a_compacted_revision_tells_how_to_go_on) {
  for (int i = 0; i < 5; ++i) commit({add("m" + std::to_string(i), "1")});
  settle();
  ListQuery query{.kind = &maps_, .ns = "default", .limit = 2};
  ListPage page;
  ASSERT_TRUE(state_->committed().list(query, &page).ok());
  commit({add("m9", "1")});
  apply();
  state_->compact_to(Revision(6));
  apply();
  query.token = page.token;
  Status s = state_->committed().list(query, &page);
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().code, Code::kExpired);
  query.token = page.token;
  query.limit = 100;
  ASSERT_TRUE(state_->committed().list(query, &page).ok());
  EXPECT_EQ(page.items.size(), 4u);
  EXPECT_EQ(page.revision, Revision(6));
}

// ---- events ----

TEST_F(StateTest, long_lanes_are_read_from_mark_to_mark) {
  const int n = 3 * 512 + 100;
  for (int i = 0; i < n; i += 100) {
    std::vector<Edit> edits;
    for (int k = i; k < std::min(n, i + 100); ++k) {
      edits.push_back(
          add("m" + std::to_string(k), std::string(100, 'x'), k % 3 == 0 ? "three" : "default"));
    }
    commit(edits);
    if (i == 800) apply();
  }
  settle();
  for (const Lane& lane : {Lane{&maps_, "", "", ""}, Lane{&maps_, "three", "", ""}, Lane{}}) {
    Revision after, head = state_->committed().head(lane);
    uint64_t count = 0, pages = 0;
    while (after < head) {
      auto page = state_->committed().events_after(lane, after, 30'000);
      ASSERT_TRUE(page.ok());
      ASSERT_FALSE(page->events.empty());
      for (const Payload& p : page->events) {
        const wire::Event& e = event_of(p);
        uint64_t previous = lane.kind == nullptr ? e.revision() - 1
                            : lane.ns.empty()    ? e.previous_resource()
                                                 : e.previous_namespace();
        ASSERT_EQ(previous, after.value());
        after = Revision(e.revision());
        ++count;
      }
      EXPECT_EQ(page->complete_to, after);
      ++pages;
    }
    EXPECT_EQ(count, lane.ns.empty() ? 1636u : 546u);
    EXPECT_GT(pages, 3u);
  }
}

// ---- compaction ----

TEST_F(StateTest, compaction_keeps_the_last_state_and_forgets_the_dead) {
  commit({add("a", "1"), add("b", "1"), add("c", "1")});                     // 1..3
  commit({modify("a", "2"), remove("b"), modify("a", "3"), add("d", "1")});  // 4..7
  commit({remove("c"), add("b", "2")});                                      // 8, 9
  apply();
  state_->compact_to(Revision(6));
  apply();
  View v = state_->committed();
  EXPECT_EQ(v.compacted(), Revision(6));
  EXPECT_EQ(v.find_at(maps_, "default", "a", Revision(5)).error().code, Code::kExpired);
  EXPECT_EQ(at(6, "a"), "3");
  EXPECT_EQ(at(6, "b"), "-");
  EXPECT_EQ(at(6, "c"), "1");
  EXPECT_EQ(at(7, "d"), "1");
  EXPECT_EQ(at(9, "b"), "2");
  EXPECT_TRUE(v.event(Revision(4)).empty());
  EXPECT_FALSE(v.event(Revision(3)).empty());  // c's last state
  EXPECT_EQ(v.events_after({}, Revision(5)).error().code, Code::kExpired);
  EXPECT_EQ(v.events_after({}, Revision(6))->events.size(), 3u);
  EXPECT_TRUE(state_->verify().ok());
  state_->compact_to(Revision(9));
  apply();
  EXPECT_EQ(now("b"), "2");
  EXPECT_EQ(at(9, "c"), "-");
  EXPECT_TRUE(state_->verify().ok());
  auto cursor = engine()->snapshot().value()->cursor(Keyspace::kDead);
  cursor->lower_bound({});
  EXPECT_FALSE(cursor->valid());
  reopen();
  EXPECT_EQ(state_->committed().compacted(), Revision(9));
  commit({modify("b", "3")});
  apply();
  EXPECT_TRUE(state_->verify().ok());
}

TEST_F(StateTest, compaction_by_size_waits_for_age_but_not_beyond_the_maximum) {
  options_.keep_revisions = 10;
  options_.keep_time = std::chrono::hours(1);
  options_.keep_revisions_max = 50;
  reopen();
  for (int i = 0; i < 30; ++i) commit({add("m" + std::to_string(i), "1")});
  apply();
  apply();
  EXPECT_EQ(state_->committed().compacted(), Revision(0));
  world_->clock.advance(std::chrono::hours(2));
  for (int i = 0; i < 5; ++i) apply();
  EXPECT_EQ(state_->committed().compacted(), Revision(20));
  for (int i = 0; i < 60; ++i) commit({add("n" + std::to_string(i), "1")});
  for (int i = 0; i < 5; ++i) apply();
  EXPECT_EQ(state_->committed().compacted(), Revision(40));
  EXPECT_TRUE(state_->verify().ok());
}

// ---- bounds ----

TEST_F(StateTest, saturation_is_told_and_relieved) {
  options_.overlay_bytes = 10'000;
  reopen();
  int relieved = 0;
  state_->on_relief([&] { ++relieved; });
  commit({add("a", std::string(20'000, 'x'))});
  EXPECT_TRUE(state_->saturated());
  apply();
  EXPECT_EQ(relieved, 1);
  EXPECT_FALSE(state_->saturated());
}

TEST_F(StateTest, flush_waits_for_the_tables) {
  bool flushed = false;
  commit({add("a", "1")});
  settle();
  state_->flush([&](Status s) { flushed = s.ok(); });
  EXPECT_FALSE(flushed);
  settle();
  EXPECT_TRUE(flushed);
  EXPECT_EQ(state_->stats().overlay_changes, 0u);
}

TEST_F(StateTest, payloads_outlive_the_overlay_and_the_state) {
  commit({add("a", "kept")});
  settle();
  Stored early = state_->committed().find(maps_, "default", "a");
  apply();
  Stored late = state_->committed().find(maps_, "default", "a");
  crash();
  EXPECT_EQ(text(early), "kept");
  EXPECT_EQ(text(late), "kept");
}

TEST_F(StateTest, altered_tables_are_found) {
  commit({add("a", "1"), add("b", "1")});
  apply();
  auto e = engine();
  auto snapshot = e->snapshot().value();
  std::string key("\0\0\0\0\0\0\0\1", 8);
  Buffer value;
  {
    auto v = *snapshot->get(Keyspace::kJournal, as_bytes(key));
    value.assign(v.begin(), v.end());
  }
  value[60] ^= 1;
  ASSERT_TRUE(e->write({{Put{Keyspace::kJournal, false, as_bytes(key), value}}}).ok());
  reopen();
  EXPECT_EQ(state_->verify().error().code, Code::kInvalid);
}

}  // namespace
}  // namespace kubus::store::testing
