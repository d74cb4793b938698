// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// net.netfilter.nf_conntrack_tcp_be_liberal, on as long as sessions move between members.
//
// A kernel that did not see a connection's last packets takes the next acknowledgement for one of data never sent. It calls
// the packet invalid and forwards it without NAT, and the server answers an address it does not know with a reset. That is
// what happens to connections that were born on this member, lived on another one and come back; those that were put here
// are told to be liberal one by one. The price is that packets outside of the window are forwarded, and left to the
// endpoints to drop.
//
// That it was off before stands in a file of the run directory, so that the next start after a crash still knows. A boot
// empties that directory, and sets the kernel back.
#pragma once

#include <string>

namespace systole::control {

class TcpLiberality {
public:
	explicit TcpLiberality(std::string note,
			       std::string setting = "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal");
	~TcpLiberality() { stop(); }
	TcpLiberality(const TcpLiberality &) = delete;
	TcpLiberality &operator=(const TcpLiberality &) = delete;

	// False: it is off and cannot be switched on, `error` says why.
	[[nodiscard]] bool start(std::string &error);
	// As it was before.
	void stop();

private:
	[[nodiscard]] bool write_setting(int value) const;

	std::string m_note; // there: we have switched it on
	std::string m_setting;
	bool m_changed = false;
};

} // namespace systole::control
