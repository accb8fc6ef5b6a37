#include "agents/kubelet/cri/streaming.h"

#include <gtest/gtest.h>

namespace kubus::kubelet {
namespace {

TEST(EndOfStatus, ExitCodesAndReasons) {
  EXPECT_TRUE(end_of_status(R"({"metadata":{},"status":"Success"})").status.ok());
  auto seven = end_of_status(R"({"status":"Failure","reason":"NonZeroExitCode","message":"m",
      "details":{"causes":[{"reason":"Other"},{"reason":"ExitCode","message":"7"}]}})");
  EXPECT_TRUE(seven.status.ok());
  EXPECT_EQ(seven.exit_code, 7);
  auto broken = end_of_status(R"({"status":"Failure","message":"no such program"})");
  EXPECT_EQ(broken.status.error().message, "no such program");
  EXPECT_EQ(end_of_status("port is closed").status.error().message, "port is closed");
  EXPECT_FALSE(end_of_status("[]").status.ok());
  EXPECT_FALSE(end_of_status(R"({"details":{"causes":7}})").status.ok());
}

TEST(OpenStreaming, AnswersOnceForWhatLeadsNowhere) {
  boost::asio::io_context loop;
  auto alive = std::make_shared<bool>(true);
  int answers = 0;
  for (const char* url : {"", "https://127.0.0.1:1/x", "http://127.0.0.1/x", "http://localhost:1/x",
                          "http://127.0.0.1:99999/x", "http://127.0.0.1:1/x"}) {
    open_streaming(loop, {.url = url}, alive, [&](Result<std::unique_ptr<stream::Stream>> r) {
      EXPECT_FALSE(r.ok());
      ++answers;
    });
  }
  loop.run();
  EXPECT_EQ(answers, 6);
}

}  // namespace
}  // namespace kubus::kubelet
