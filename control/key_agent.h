// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The crypto half of the handshake: plays the key actions of control/core/action.h. It knows the password's PRS, makes
// scalars, messages, tags and security associations, and keeps every secret; the core only says when.
//
// The worker borrows security associations (by pointer, over the ring). They belong to this agent, which wipes and
// frees one when the worker has given it back, or at the end, when the worker no longer runs.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/resume_keys.h"
#include "control/worker_port.h"
#include "crypto/hake.h"
#include "crypto/sa.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace systole::control {

class KeyAgent {
public:
	// Called with every SA before its first packet, when key logging is on.
	using KeyLogger = std::function<void(std::uint32_t spi, crypto::Suite suite, crypto::Bytes key)>;

	// Stretched passwords by the index the administrator gave them.
	using Passwords = std::map<std::uint8_t, crypto::Secret<32>>;

	// `prs` has the first of Config::password_indexes.
	KeyAgent(crypto::Secret<32> prs, const core::Config &config, const core::BootNonce &nonce, WorkerPort &worker,
		 KeyLogger logger);
	// Instead of those it had. Exchanges that have begun end with the one they began with.
	void set_passwords(Passwords passwords) { m_passwords = std::move(passwords); }
	[[nodiscard]] bool knows(std::uint8_t index) const { return m_passwords.contains(index); }
	void add_password(std::uint8_t index, crypto::Secret<32> prs)
	{
		m_passwords.insert_or_assign(index, std::move(prs));
	}
	// Without: no tickets.
	void use(ResumeKeys &keys) { m_resume = &keys; }
	// Everything agreed on so far is gone.
	void begin_anew(const core::BootNonce &nonce);
	// A KE1 or KE2 with a ticket by one of the sender's last two resume keys.
	[[nodiscard]] bool ticketed(const core::HakeBytes &message) const;

	void begin(const core::BeginExchange &action);
	void resend_ke1(const core::ResendKe1 &action);
	[[nodiscard]] core::KeyResult evaluate(const core::EvaluateKe1 &action);
	void send_ke2(const core::SendKe2 &action);
	[[nodiscard]] core::KeyResult evaluate(const core::EvaluateKe2 &action);
	void send_ke3(const core::SendKe3 &action);
	[[nodiscard]] core::KeyResult check(const core::CheckKe3 &action);
	void install(const core::InstallInboundKeys &action);
	void bind(const core::BindCandidate &action);
	void install(const core::InstallOutboundKeys &action);
	void keep(const core::KeepResumeKey &action);
	void drop(const core::DropSession &action);

	void released(crypto::InboundSa *sa);
	void released(crypto::OutboundSa *sa);

private:
	struct Session {
		bool initiator = false;
		core::LinkIndex link = 0;
		core::MacAddress destination{};
		core::PeerSlot slot = 0; // sealed in this peer's heartbeat SA; 0: clear
		std::uint32_t capabilities = 0;
		std::uint8_t password_index = 0;
		bool continues = false;
		core::MemberId peer;
		core::BootNonce peer_nonce{};
		core::ExchangeNonce x{};
		std::uint32_t own_spi_base = 0;
		std::uint32_t peer_spi_base = 0;
		core::HakeBytes ke1, ke2, ke3;
		crypto::OwnShare own;
		std::optional<crypto::SessionSecrets> secrets;
	};

	[[nodiscard]] Session *find(core::SessionId id);
	[[nodiscard]] crypto::ExchangeContext context(const Session &session) const;
	[[nodiscard]] core::ExchangeHead head(core::HakeType type, const Session &session) const;
	// The resume key that made the message's ticket; nullptr: none of ours did.
	[[nodiscard]] const ResumeKeys::Key *ticket_key(const core::HakeBytes &message) const;
	[[nodiscard]] const crypto::Secret<32> *prs_of(const Session &session) const;
	[[nodiscard]] std::uint32_t new_spi_base();
	void free_spi_base(std::uint32_t base);
	void send(const Session &session, const core::HakeBytes &message);
	// Calls make(traffic_class, link, specification) for every SA of one direction: each class on each link.
	template <typename Make>
	void for_each_sa(const Session &session, core::Suite suite, std::uint8_t link_bitmap, bool inbound, Make make);
	[[nodiscard]] crypto::Suite session_suite(const Session &session, crypto::Suite heartbeat_suite) const;

	Passwords m_passwords;
	ResumeKeys *m_resume = nullptr;
	core::Config m_config;
	core::BootNonce m_nonce;
	std::string m_group_name;
	WorkerPort &m_worker;
	KeyLogger m_logger;
	std::unordered_map<core::SessionId, std::unique_ptr<Session>> m_sessions;
	std::vector<bool> m_spi_slots; // of 2048
	std::unordered_map<crypto::InboundSa *, crypto::InboundSaPtr> m_inbound;
	std::unordered_map<crypto::OutboundSa *, crypto::OutboundSaPtr> m_outbound;
};

} // namespace systole::control
