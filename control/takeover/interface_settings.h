// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The kernel settings (/proc/sys/net, of the network namespace of the calling thread) that a macvlan beside its base
// port needs, and how the base port gets its own values back.
//
//   base     arp_ignore=1    else the base port answers ARP for the macvlan's address, with its own MAC (measured)
//            arp_announce=2  else it uses that address as the sender of its own ARP requests
//   macvlan  the same two    else it answers for the base port's address, with the virtual MAC
//            rp_filter=0     traffic may come in here and its way back lead over the base port
//            accept_ra=0     a router does not configure itself from its neighbours; no address but ours appears
//            force_mld_version=1, mldv1_unsolicited_report_interval=1 (ms)
//                            MLDv2 reports the groups of a deleted address up to a second after the deletion, from
//                            the virtual MAC (measured), and switches would follow that frame away from the
//                            successor. MLDv1 does it before the deletion returns, and has nothing to repeat then.
//
// The base port's values are only ever raised (an administrator's stricter value stays), and given back only if they
// are still what was set here. The originals are kept in the macvlan's alias ("systole m1 arp_ignore=0 ..."): in the
// kernel, beside what they describe, so that the next start can restore them after this process was killed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace systole::control {

struct SavedSetting {
	std::string key; // below net/ipv4/conf/BASE/
	int original;

	friend bool operator==(const SavedSetting &, const SavedSetting &) = default;
};

struct SettingError {
	std::error_code code;
	std::string file;
};

// `family` is "ipv4" or "ipv6".
[[nodiscard]] std::optional<int> read_setting(std::string_view family, const std::string &interface,
					      std::string_view key);

// What raise_base_settings() will change and what it is now.
[[nodiscard]] std::vector<SavedSetting> base_settings_to_raise(const std::string &base);
[[nodiscard]] std::vector<SettingError> raise_base_settings(const std::string &base,
							    const std::vector<SavedSetting> &saved);
void restore_base_settings(const std::string &base, const std::vector<SavedSetting> &saved);

[[nodiscard]] std::vector<SettingError> apply_macvlan_settings(const std::string &macvlan, bool has_ipv6);

// How soon an unanswered question for a neighbour's address is asked again: after 10 ms, or as the machine does it (1 s). While
// two members forward in turn, an answer may reach the other one.
void ask_neighbours_quickly(const std::string &macvlan, bool quickly);

[[nodiscard]] std::string ownership_alias(std::string_view instance, const std::vector<SavedSetting> &saved);
// Nothing when the alias is not one of this instance.
[[nodiscard]] std::optional<std::vector<SavedSetting>> parse_ownership_alias(std::string_view alias,
									     std::string_view instance);

} // namespace systole::control
