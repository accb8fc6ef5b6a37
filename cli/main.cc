#include "cli/command.h"
#include "cli/verbs/verbs.h"

int main(int argc, char** argv) {
  using namespace kubus::cli;
  return run_command_line(
      argc, argv,
      {&kUp,       &kDown,     &kStatus,    &kApply,    &kGet,    &kDescribe,    &kCreate, &kPatch,
       &kLabel,    &kAnnotate, &kDelete,    &kWait,     &kScale,  &kRollout,     &kTop,    &kCordon,
       &kUncordon, &kDrain,    &kTaint,     &kWatch,    &kEvents, &kHistory,     &kDiff,   &kBlame,
       &kWhy,      &kUndo,     &kReplay,    &kExport,   &kBackup, &kRestore,     &kStore,  &kDecode,
       &kAudit,    &kPurge,    &kSecrets,   &kLogs,     &kExec,   &kPortForward, &kBridge, &kUser,
       &kStream,   &kImage,    &kKeepUsers, &kSupervise});
}
