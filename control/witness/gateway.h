// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What LeaseKeeper asks and hears, as etcd v3's JSON gateway writes it (etcd 3.4 and later; all by POST):
//
//   look        /v3/kv/range          a linearizable read of the key
//   grant       /v3/lease/grant
//   acquire     /v3/kv/txn            create_revision == 0 ? put with the lease : range
//   keep_alive  /v3/lease/keepalive
//   revoke      /v3/lease/revoke      deletes the key with the lease
//
// The gateway leaves out what is zero or false, and writes 64-bit numbers as strings. An answer that lacks what etcd
// never leaves out (its header) is nonsense and counts as no answer.
#pragma once

#include "control/witness/lease_keeper.h"

#include <string>
#include <string_view>

namespace systole::control {

[[nodiscard]] std::string_view gateway_path(Ask ask);
[[nodiscard]] std::string gateway_body(const LeaseRequest &request, std::string_view key, std::string_view serial);
[[nodiscard]] LeaseAnswer gateway_answer(const LeaseRequest &request, unsigned http_status, std::string_view body);

} // namespace systole::control
