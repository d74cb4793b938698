// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The key actions of control/core/action.h with real messages and ideal crypto: a session's secret is a hash of the
// password, both identities and boots, X, both shares and both exchange heads. Whoever has another password, or saw
// another message, gets another secret; nothing else is modelled.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "tests/sim/random.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace systole::sim {

// Bytes for the wire.
struct OutgoingHake {
	core::LinkIndex link = 0;
	core::MacAddress destination{};
	core::HakeBytes message;
	core::PeerSlot slot = 0; // sealed for this peer; 0: clear
};
// What a member remembers of earlier sessions when it boots again: the last two with each peer.
using ResumeSecrets = std::map<core::MemberId, std::array<std::uint64_t, 2>>;

// One direction of a session on one link.
struct SaKeys {
	std::uint32_t spi = 0;
	std::uint64_t key = 0;
};

class KeyAgent {
public:
	KeyAgent(const core::Config &config, const core::BootNonce &nonce, std::uint64_t password, Random random,
		 ResumeSecrets &resume)
	    : m_config(config), m_nonce(nonce), m_password(password), m_random(random), m_resume(resume)
	{
	}

	[[nodiscard]] OutgoingHake begin(const core::BeginExchange &action);
	[[nodiscard]] std::optional<OutgoingHake> resend_ke1(core::SessionId session) const;
	[[nodiscard]] std::optional<OutgoingHake> ke2(core::SessionId session) const;
	[[nodiscard]] std::optional<OutgoingHake> ke3(core::SessionId session) const;
	[[nodiscard]] core::KeyResult evaluate(const core::EvaluateKe1 &action);
	[[nodiscard]] core::KeyResult evaluate(const core::EvaluateKe2 &action);
	[[nodiscard]] core::KeyResult check(const core::CheckKe3 &action) const;
	[[nodiscard]] std::optional<SaKeys> inbound(core::SessionId session, core::LinkIndex link) const;
	[[nodiscard]] std::optional<SaKeys> outbound(core::SessionId session, core::LinkIndex link) const;
	void drop(core::SessionId session);
	void keep(core::SessionId session);
	[[nodiscard]] bool ticketed(const core::HakeBytes &message) const { return ticket_secret(message) != 0; }

	[[nodiscard]] std::size_t session_count() const { return m_sessions.size(); }
	// Every tag is taken for good: what --break accept-any-tag breaks.
	void accept_any_tag() { m_accept_any_tag = true; }

private:
	struct Session {
		core::SessionId id = 0;
		bool initiator = false;
		core::LinkIndex link = 0;
		core::MacAddress destination{};
		core::PeerSlot slot = 0;
		std::uint32_t capabilities = 0;
		std::uint8_t password_index = 0;
		bool continues = false;
		core::MemberId peer;
		core::BootNonce peer_nonce{};
		core::ExchangeNonce x{};
		core::Share own_share{};
		std::uint32_t own_spi_base = 0;
		std::uint32_t peer_spi_base = 0;
		bool derived = false;
		std::uint64_t secret = 0;
		core::HakeBytes ke1;
		core::HakeBytes ke2;
		core::HakeBytes ke3;
	};

	[[nodiscard]] const Session *find(core::SessionId id) const;
	[[nodiscard]] Session *find(core::SessionId id);
	[[nodiscard]] core::ExchangeHead head(core::HakeType type, const Session &session) const;
	// That made the ticket; 0: none of ours.
	[[nodiscard]] std::uint64_t ticket_secret(const core::HakeBytes &message) const;
	[[nodiscard]] std::uint32_t new_spi_base();
	[[nodiscard]] std::uint64_t derive(const core::Share &a, const core::Share &b, const core::HakeBytes &ke1,
					   const core::HakeBytes &ke2) const;
	[[nodiscard]] SaKeys keys(const Session &session, bool inbound, core::LinkIndex link) const;

	core::Config m_config;
	core::BootNonce m_nonce;
	std::uint64_t m_password;
	Random m_random;
	ResumeSecrets &m_resume;
	bool m_accept_any_tag = false;
	std::vector<Session> m_sessions;
};

} // namespace systole::sim
