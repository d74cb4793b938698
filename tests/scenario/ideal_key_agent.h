// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The key agent without cryptography: real HAKE messages, real associated data, but a "secret" is a hash that both
// sides can only compute when password, identities, nonces and every byte of both heads agree. Good for testing who
// sends what when; worthless as protection. Deterministic: random bytes come from the boot's seed.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/core/message.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>

namespace systole::scenario {

// FNV-1a over spans and numbers, with a finaliser: enough to make different inputs different.
class Digest {
public:
	Digest &add(std::span<const std::byte> bytes)
	{
		for (const std::byte b : bytes)
			m_hash = (m_hash ^ std::to_integer<std::uint64_t>(b)) * 1099511628211ULL;
		return add(bytes.size());
	}
	Digest &add(std::uint64_t number)
	{
		for (int i = 0; i < 8; ++i)
			m_hash = (m_hash ^ (number >> 8 * i & 0xff)) * 1099511628211ULL;
		return *this;
	}
	template <typename Array> Digest &add_array(const Array &array) { return add(std::as_bytes(std::span(array))); }
	[[nodiscard]] std::uint64_t value() const
	{
		std::uint64_t x = m_hash;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
		x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
		return x ^ x >> 31;
	}

private:
	std::uint64_t m_hash = 14695981039346656037ULL;
};

// One exchange as this member knows it. Both directions of ESP are told apart by who is A.
struct IdealSession {
	bool as_a = false;
	core::MemberId peer;
	core::LinkIndex link = 0;
	core::MacAddress destination{};
	core::ExchangeNonce x{};
	core::HakeBytes ke1, ke2, ke3;
	std::uint64_t secret = 0; // 0 = not known yet
	std::uint8_t inbound_links = 0;
	core::PeerSlot slot = 0;   // of the inbound keys, 0 = candidate
	core::PeerSlot sealed = 0; // its messages go in this peer's heartbeat SA, 0 = in the clear
};

class IdealKeyAgent {
public:
	IdealKeyAgent(const core::Config &config, std::string password, const core::BootNonce &nonce,
		      std::uint64_t seed)
	    : m_config(config), m_password(std::move(password)), m_nonce(nonce), m_seed(seed)
	{
	}

	[[nodiscard]] core::HakeBytes hello(core::LinkIndex link) const
	{
		core::Hello message;
		message.header = header(core::HakeType::hello, link);
		message.group_name = m_config.group_name;
		message.capabilities = m_config.capabilities;
		message.policy = m_config.policy;
		return core::encode(message);
	}

	[[nodiscard]] core::HakeBytes bye(core::LinkIndex link, const core::MemberId &to,
					  const core::BootNonce &to_nonce) const
	{
		return core::encode(core::Bye{header(core::HakeType::bye, link), to, to_nonce});
	}

	IdealSession &begin(const core::BeginExchange &action)
	{
		IdealSession &session = m_sessions[action.session];
		session.as_a = true;
		session.peer = action.peer;
		session.link = action.link;
		session.destination = action.destination;
		session.sealed = action.slot;
		core::Ke1 message;
		message.head = head(core::HakeType::ke1, action.link, action.peer, action.peer_nonce);
		message.head.capabilities = action.capabilities != 0 ? action.capabilities : m_config.capabilities;
		message.head.password_index = action.password_index;
		message.head.continues = action.continues;
		fill(message.head.x);
		fill(message.share);
		session.x = message.head.x;
		session.ke1 = core::encode(message);
		return session;
	}

	[[nodiscard]] core::KeyOutcome evaluate_ke1(const core::EvaluateKe1 &action)
	{
		const auto ke1 = core::decode_ke1(action.ke1.span());
		if (!ke1)
			return core::KeyOutcome::failed;
		if (ke1->share == core::Share{})
			return core::KeyOutcome::point;
		IdealSession &session = m_sessions[action.session];
		session.as_a = false;
		session.peer = ke1->head.header.sender;
		session.link = action.link;
		session.destination = action.source;
		session.sealed = action.slot;
		session.x = ke1->head.x;
		session.ke1 = action.ke1;
		core::Ke2 message;
		message.head = head(core::HakeType::ke2, action.link, session.peer, ke1->head.header.nonce);
		message.head.x = session.x;
		message.head.suite = static_cast<std::uint8_t>(action.suite);
		message.head.capabilities = action.capabilities != 0 ? action.capabilities : m_config.capabilities;
		message.head.password_index = ke1->head.password_index;
		message.head.continues = action.continues;
		fill(message.share);
		session.ke2 = core::encode(message);
		session.secret = secret(session.ke1, session.ke2);
		message.confirm = tag(session.secret, 2, session.ke1, session.ke2.span().first(132));
		session.ke2 = core::encode(message);
		return core::KeyOutcome::ok;
	}

	[[nodiscard]] core::KeyOutcome evaluate_ke2(const core::EvaluateKe2 &action)
	{
		IdealSession *session = find(action.session);
		const auto ke2 = core::decode_ke2(action.ke2.span());
		if (session == nullptr || !ke2 || ke2->head.x != session->x)
			return core::KeyOutcome::failed;
		if (ke2->share == core::Share{})
			return core::KeyOutcome::point;
		const std::uint64_t mine = secret(session->ke1, action.ke2);
		if (ke2->confirm != tag(mine, 2, session->ke1, action.ke2.span().first(132)))
			return core::KeyOutcome::confirm_bad;
		session->secret = mine;
		session->ke2 = action.ke2;
		core::Ke3 message;
		message.header = header(core::HakeType::ke3, session->link);
		message.destination = ke2->head.header.sender;
		message.destination_nonce = ke2->head.header.nonce;
		message.x = session->x;
		session->ke3 = core::encode(message);
		message.confirm = tag(mine, 3, session->ke1, session->ke2.span(), session->ke3.span().first(84));
		session->ke3 = core::encode(message);
		return core::KeyOutcome::ok;
	}

	[[nodiscard]] core::KeyOutcome check_ke3(const core::CheckKe3 &action)
	{
		const IdealSession *session = find(action.session);
		const auto ke3 = core::decode_ke3(action.ke3.span());
		if (session == nullptr || !ke3 || ke3->x != session->x)
			return core::KeyOutcome::failed;
		const auto want =
			tag(session->secret, 3, session->ke1, session->ke2.span(), action.ke3.span().first(84));
		return ke3->confirm == want ? core::KeyOutcome::ok : core::KeyOutcome::confirm_bad;
	}

	[[nodiscard]] IdealSession *find(core::SessionId id)
	{
		const auto it = m_sessions.find(id);
		return it == m_sessions.end() ? nullptr : &it->second;
	}
	// The session an ESP packet belongs to: same secret, sent by the other side.
	[[nodiscard]] std::optional<core::SessionId> find_inbound(std::uint64_t secret, bool from_a,
								  core::LinkIndex link) const
	{
		for (const auto &[id, session] : m_sessions)
			if (session.secret == secret && secret != 0 && session.as_a != from_a &&
			    (session.inbound_links & 1U << link) != 0)
				return id;
		return std::nullopt;
	}
	void drop(core::SessionId id) { m_sessions.erase(id); }
	[[nodiscard]] std::size_t sessions() const { return m_sessions.size(); }

private:
	[[nodiscard]] core::HakeHeader header(core::HakeType type, core::LinkIndex link) const
	{
		return {type, m_config.group_id, link, m_config.self, m_nonce};
	}
	[[nodiscard]] core::ExchangeHead head(core::HakeType type, core::LinkIndex link, const core::MemberId &to,
					      const core::BootNonce &to_nonce)
	{
		core::ExchangeHead out;
		out.header = header(type, link);
		out.destination = to;
		out.destination_nonce = to_nonce;
		out.capabilities = m_config.capabilities;
		out.policy = m_config.policy;
		out.spi_base = 0x10000 + (++m_spi << 5);
		out.link_bitmap = static_cast<std::uint8_t>((1U << m_config.link_count) - 1);
		return out;
	}
	[[nodiscard]] std::uint64_t secret(const core::HakeBytes &ke1, const core::HakeBytes &ke2) const
	{
		return Digest().add_array(m_password).add(ke1.span().first(132)).add(ke2.span().first(132)).value();
	}
	[[nodiscard]] static core::Tag tag(std::uint64_t secret, std::uint64_t label, const core::HakeBytes &first,
					   std::span<const std::byte> second, std::span<const std::byte> third = {})
	{
		core::Tag out{};
		for (std::size_t i = 0; i < out.size(); i += 8) {
			const std::uint64_t word = Digest().add(secret)
							   .add(label + 16 * i)
							   .add(first.span())
							   .add(second)
							   .add(third)
							   .value();
			std::memcpy(out.data() + i, &word, 8);
		}
		return out;
	}
	template <typename Array> void fill(Array &out)
	{
		for (auto &byte : out)
			byte = static_cast<std::uint8_t>(Digest().add(m_seed).add(++m_drawn).value());
	}

	core::Config m_config;
	std::string m_password;
	core::BootNonce m_nonce;
	std::uint64_t m_seed;
	std::uint64_t m_drawn = 0;
	std::uint32_t m_spi = 0;
	std::map<core::SessionId, IdealSession> m_sessions;
};

} // namespace systole::scenario
