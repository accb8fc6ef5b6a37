// Between the kubelet's structs and CRI's messages. Pure.
#pragma once

#include "agents/kubelet/cri/runtime.h"
#include "cri.pb.h"

namespace kubus::kubelet::cri {

namespace pb = runtime::v1;

void fill(const Labels& from, google::protobuf::Map<std::string, std::string>* to);
void fill(const SandboxConfig& from, pb::PodSandboxConfig* to);
void fill(const ContainerConfig& from, pb::ContainerConfig* to);
void fill(const Resources& from, pb::LinuxContainerResources* to);

SandboxStatus from(const pb::PodSandboxStatus& status);
SandboxStatus from(const pb::PodSandbox& item);
ContainerStatus from(const pb::ContainerStatus& status);
ContainerStatus from(const pb::Container& item);
Image from(const pb::Image& image);
Usage from(const pb::ContainerStats& stats);
RuntimeState from(const pb::RuntimeStatus& status);

}  // namespace kubus::kubelet::cri
