// Every verb of `kubus`, in the order in which help lists them.
#pragma once

#include "cli/command.h"

namespace kubus::cli {

extern const Command kUp, kDown, kStatus, kApply, kGet, kDescribe, kDelete, kCreate, kPatch, kLabel,
    kAnnotate, kWait, kScale, kRollout, kTop, kCordon, kUncordon, kDrain, kTaint, kWatch, kEvents,
    kHistory, kDiff, kBlame, kWhy, kUndo, kAudit, kPurge, kSecrets, kBridge, kReplay, kExport,
    kBackup, kRestore, kStore, kDecode, kImage, kLogs, kExec, kPortForward, kUser, kStream,
    kKeepUsers, kSupervise;

}  // namespace kubus::cli
