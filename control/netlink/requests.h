// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The requests Systole makes of the kernel, one function each: they append to a batch, RouteSocket sends it.
#pragma once

#include "control/core/types.h"
#include "control/netlink/ip_prefix.h"
#include "control/netlink/route_socket.h"

#include <string>

namespace systole::control {

// A macvlan in bridge mode, down. Bridge and private mode serve the host itself alike; only in bridge mode can a
// container on another macvlan of the same port reach the cluster address while this member is primary.
void request_macvlan(RequestBatch &batch, int base_index, const std::string &name, const core::MacAddress &mac);
// By name, because a link made in the same batch has no known index yet.
void request_alias(RequestBatch &batch, const std::string &name, const std::string &alias);
// No automatic link-local address: a standby with the same virtual MAC would make the same one.
void request_no_address_generation(RequestBatch &batch, const std::string &name);

void request_link_state(RequestBatch &batch, int index, bool up);
void request_link_deletion(RequestBatch &batch, int index);
// Whatever the link would send is dropped. Costs nothing while it is down; while it is up either takes some 10 ms, because the
// kernel waits for its senders.
void request_silence(RequestBatch &batch, int index);
void request_voice(RequestBatch &batch, int index);

// Adds or confirms; never runs duplicate address detection (it would hold the address back for a second and send).
void request_address(RequestBatch &batch, int index, const IpPrefix &prefix);
void request_address_deletion(RequestBatch &batch, int index, const IpPrefix &prefix);

} // namespace systole::control
