// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/key_agent.h"

#include "tests/sim/digest.h"

#include <algorithm>
#include <cstring>

namespace systole::sim {

namespace {

core::Tag confirm(std::uint64_t secret, char side)
{
	return Digest().add(secret).add(static_cast<std::uint64_t>(side)).as<core::Tag>();
}

// Over everything but the place for itself, which is at the end.
core::Ticket ticket(std::uint64_t secret, char label, const core::HakeBytes &message)
{
	return Digest()
		.add(secret)
		.add(static_cast<std::uint64_t>(label))
		.bytes(message.span().first(message.length - sizeof(core::Ticket)))
		.as<core::Ticket>();
}

// A share that does not decode, as a point that is not on the curve.
bool decodes(const core::Share &share)
{
	return share[0] != 0xff || share[1] != 0xff;
}

} // namespace

const KeyAgent::Session *KeyAgent::find(core::SessionId id) const
{
	const auto it =
		std::find_if(m_sessions.begin(), m_sessions.end(), [&](const Session &s) { return s.id == id; });
	return it == m_sessions.end() ? nullptr : &*it;
}

KeyAgent::Session *KeyAgent::find(core::SessionId id)
{
	return const_cast<Session *>(static_cast<const KeyAgent *>(this)->find(id));
}

core::ExchangeHead KeyAgent::head(core::HakeType type, const Session &session) const
{
	core::ExchangeHead head;
	head.header = {type, m_config.group_id, session.link, m_config.self, m_nonce};
	head.destination = session.peer;
	head.destination_nonce = session.peer_nonce;
	head.x = session.x;
	head.capabilities = session.capabilities;
	head.password_index = session.password_index;
	head.continues = session.continues;
	head.policy = m_config.policy;
	head.spi_base = session.own_spi_base;
	head.link_bitmap = static_cast<std::uint8_t>((1U << m_config.link_count) - 1);
	return head;
}

std::uint32_t KeyAgent::new_spi_base()
{
	for (;;) {
		const auto base = static_cast<std::uint32_t>(m_random.next()) & ~std::uint32_t{0x1f};
		if (base >= 256 && std::none_of(m_sessions.begin(), m_sessions.end(),
						[&](const Session &s) { return s.own_spi_base == base; }))
			return base;
	}
}

std::uint64_t KeyAgent::derive(const core::Share &a, const core::Share &b, const core::HakeBytes &ke1,
			       const core::HakeBytes &ke2) const
{
	// The heads hold both ids, both nonces, X, policies, capabilities, suite and both SPI bases.
	return Digest()
		.add(m_password)
		.bytes(a)
		.bytes(b)
		.bytes(ke1.span().first(core::exchange_head_bytes))
		.bytes(ke2.span().first(core::exchange_head_bytes))
		.value();
}

OutgoingHake KeyAgent::begin(const core::BeginExchange &action)
{
	Session session;
	session.id = action.session;
	session.initiator = true;
	session.link = action.link;
	session.destination = action.destination;
	session.slot = action.slot;
	session.capabilities = action.capabilities;
	session.password_index = action.password_index;
	session.continues = action.continues;
	session.peer = action.peer;
	session.peer_nonce = action.peer_nonce;
	m_random.fill(session.x);
	m_random.fill(session.own_share);
	session.own_share[0] &= 0x7f;
	session.own_spi_base = new_spi_base();
	core::Ke1 message;
	message.head = head(core::HakeType::ke1, session);
	message.share = session.own_share;
	session.ke1 = encode(message);
	if (const auto known = m_resume.find(action.peer); known != m_resume.end() && action.slot == 0) {
		const auto [newest, older] = known->second;
		message.ticket = ticket(action.older_ticket && older != 0 ? older : newest, '1', session.ke1);
		session.ke1 = encode(message);
	}
	m_sessions.push_back(session);
	return {session.link, session.destination, session.ke1, session.slot};
}

std::optional<OutgoingHake> KeyAgent::resend_ke1(core::SessionId id) const
{
	const Session *session = find(id);
	return session == nullptr
		       ? std::nullopt
		       : std::optional(OutgoingHake{session->link, session->destination, session->ke1, session->slot});
}

std::optional<OutgoingHake> KeyAgent::ke2(core::SessionId id) const
{
	const Session *session = find(id);
	return session == nullptr
		       ? std::nullopt
		       : std::optional(OutgoingHake{session->link, session->destination, session->ke2, session->slot});
}

std::optional<OutgoingHake> KeyAgent::ke3(core::SessionId id) const
{
	const Session *session = find(id);
	return session == nullptr
		       ? std::nullopt
		       : std::optional(OutgoingHake{session->link, session->destination, session->ke3, session->slot});
}

core::KeyResult KeyAgent::evaluate(const core::EvaluateKe1 &action)
{
	core::KeyResult result{action.session, core::KeyStep::ke1, core::KeyOutcome::failed};
	const auto ke1 = core::decode_ke1(action.ke1.span());
	if (!ke1)
		return result;
	if (!decodes(ke1->share)) {
		result.outcome = core::KeyOutcome::point;
		return result;
	}
	Session session;
	session.id = action.session;
	session.link = action.link;
	session.destination = action.source;
	session.slot = action.slot;
	session.capabilities = action.capabilities;
	session.password_index = ke1->head.password_index;
	session.continues = action.continues;
	session.peer = ke1->head.header.sender;
	session.peer_nonce = ke1->head.header.nonce;
	session.x = ke1->head.x;
	session.peer_spi_base = ke1->head.spi_base;
	session.ke1 = action.ke1;
	m_random.fill(session.own_share);
	session.own_share[0] &= 0x7f;
	session.own_spi_base = new_spi_base();
	core::Ke2 message;
	message.head = head(core::HakeType::ke2, session);
	message.head.suite = static_cast<std::uint8_t>(action.suite);
	message.share = session.own_share;
	session.secret = derive(ke1->share, session.own_share, session.ke1, encode(message));
	session.derived = true;
	message.confirm = confirm(session.secret, 'B');
	session.ke2 = encode(message);
	if (const std::uint64_t secret = action.slot == 0 ? ticket_secret(action.ke1) : 0; secret != 0) {
		message.ticket = ticket(secret, '2', session.ke2);
		session.ke2 = encode(message);
	}
	m_sessions.push_back(session);
	result.outcome = core::KeyOutcome::ok;
	return result;
}

core::KeyResult KeyAgent::evaluate(const core::EvaluateKe2 &action)
{
	core::KeyResult result{action.session, core::KeyStep::ke2, core::KeyOutcome::failed};
	Session *session = find(action.session);
	const auto ke2 = core::decode_ke2(action.ke2.span());
	if (session == nullptr || !ke2 || ke2->head.x != session->x)
		return result;
	if (!decodes(ke2->share)) {
		result.outcome = core::KeyOutcome::point;
		return result;
	}
	const std::uint64_t secret = derive(session->own_share, ke2->share, session->ke1, action.ke2);
	if (!m_accept_any_tag && ke2->confirm != confirm(secret, 'B')) {
		result.outcome = core::KeyOutcome::confirm_bad;
		return result;
	}
	session->secret = secret;
	session->derived = true;
	session->ke2 = action.ke2;
	session->peer_spi_base = ke2->head.spi_base;
	core::Ke3 message;
	message.header = {core::HakeType::ke3, m_config.group_id, session->link, m_config.self, m_nonce};
	message.destination = session->peer;
	message.destination_nonce = session->peer_nonce;
	message.x = session->x;
	message.confirm = confirm(secret, 'A');
	session->ke3 = encode(message);
	result.outcome = core::KeyOutcome::ok;
	return result;
}

core::KeyResult KeyAgent::check(const core::CheckKe3 &action) const
{
	core::KeyResult result{action.session, core::KeyStep::ke3, core::KeyOutcome::failed};
	const Session *session = find(action.session);
	const auto ke3 = core::decode_ke3(action.ke3.span());
	if (session == nullptr || !ke3 || ke3->x != session->x)
		return result;
	const bool good = m_accept_any_tag || ke3->confirm == confirm(session->secret, 'A');
	result.outcome = good ? core::KeyOutcome::ok : core::KeyOutcome::confirm_bad;
	return result;
}

SaKeys KeyAgent::keys(const Session &session, bool inbound, core::LinkIndex link) const
{
	const bool from_a = session.initiator != inbound;
	const std::uint32_t base = inbound ? session.own_spi_base : session.peer_spi_base;
	return {core::spi_for(base, link, 0), Digest().add(session.secret).add(from_a ? 0 : 1).add(link).value()};
}

std::optional<SaKeys> KeyAgent::inbound(core::SessionId id, core::LinkIndex link) const
{
	const Session *session = find(id);
	return session == nullptr || !session->derived ? std::nullopt : std::optional(keys(*session, true, link));
}

std::optional<SaKeys> KeyAgent::outbound(core::SessionId id, core::LinkIndex link) const
{
	const Session *session = find(id);
	return session == nullptr || !session->derived ? std::nullopt : std::optional(keys(*session, false, link));
}

void KeyAgent::keep(core::SessionId id)
{
	const Session *session = find(id);
	if (session == nullptr || !session->derived)
		return;
	std::array<std::uint64_t, 2> &known = m_resume[session->peer];
	known = {Digest().add(session->secret).add('r').value() | 1, known[0]};
}

std::uint64_t KeyAgent::ticket_secret(const core::HakeBytes &message) const
{
	const auto header = core::decode_header(message.span());
	const auto known = header ? m_resume.find(header->sender) : m_resume.end();
	if (known == m_resume.end() || (header->type != core::HakeType::ke1 && header->type != core::HakeType::ke2))
		return 0;
	const char label = header->type == core::HakeType::ke1 ? '1' : '2';
	core::Ticket given{};
	std::memcpy(given.data(), message.bytes.data() + message.length - given.size(), given.size());
	for (const std::uint64_t secret : known->second)
		if (secret != 0 && ticket(secret, label, message) == given)
			return secret;
	return 0;
}

void KeyAgent::drop(core::SessionId id)
{
	std::erase_if(m_sessions, [&](const Session &s) { return s.id == id; });
}

} // namespace systole::sim
