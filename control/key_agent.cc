// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/key_agent.h"

#include <algorithm>
#include <cstring>

namespace systole::control {

namespace {

constexpr std::size_t spi_slots = 2048;
constexpr std::size_t ticket_offset_ke1 = 132;
constexpr std::size_t ticket_offset_ke2 = 164;
constexpr std::size_t tag_offset_ke2 = 132;
constexpr std::size_t tag_offset_ke3 = 84;

template <typename From> std::span<const std::byte, std::dynamic_extent> raw(const From &bytes)
{
	return std::as_bytes(std::span(bytes));
}

template <typename To, typename From> To copied(const From &from)
{
	To to{};
	static_assert(sizeof(to) == sizeof(from));
	std::memcpy(to.data(), from.data(), sizeof(to));
	return to;
}

crypto::Suite crypto_suite(core::Suite suite)
{
	return static_cast<crypto::Suite>(suite);
}

} // namespace

KeyAgent::KeyAgent(crypto::Secret<32> prs, const core::Config &config, const core::BootNonce &nonce, WorkerPort &worker,
		   KeyLogger logger)
    : m_config(config), m_nonce(nonce), m_worker(worker), m_logger(std::move(logger)), m_spi_slots(spi_slots, false)
{
	m_passwords.emplace(config.password_indexes[0], std::move(prs));
	const auto &name = config.group_name;
	m_group_name.assign(name.data(),
			    static_cast<std::size_t>(std::find(name.begin(), name.end(), '\0') - name.begin()));
}

KeyAgent::Session *KeyAgent::find(core::SessionId id)
{
	const auto it = m_sessions.find(id);
	return it == m_sessions.end() ? nullptr : it->second.get();
}

crypto::ExchangeContext KeyAgent::context(const Session &session) const
{
	using Id = std::array<std::byte, 16>;
	const auto self = copied<Id>(m_config.self.text);
	const auto own_nonce = copied<Id>(m_nonce);
	const auto peer = copied<Id>(session.peer.text);
	const auto peer_nonce = copied<Id>(session.peer_nonce);
	crypto::ExchangeContext context;
	context.group_id = m_config.group_id;
	context.group_name = m_group_name;
	context.id_a = session.initiator ? self : peer;
	context.id_b = session.initiator ? peer : self;
	context.nonce_a = session.initiator ? own_nonce : peer_nonce;
	context.nonce_b = session.initiator ? peer_nonce : own_nonce;
	context.x = copied<std::array<std::byte, 8>>(session.x);
	return context;
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

// base = random16 << 16 | slot << 5: a recording of an earlier session misses the table with probability 1 - 2^-16.
std::uint32_t KeyAgent::new_spi_base()
{
	std::array<std::byte, 4> random{};
	crypto::random_bytes(random);
	const auto high = std::max<std::uint32_t>(1, crypto::load_be16(random.data()));
	std::size_t slot = crypto::load_be16(random.data() + 2) % spi_slots;
	for (std::size_t i = 0; i < spi_slots && m_spi_slots[slot]; ++i)
		slot = (slot + 1) % spi_slots;
	m_spi_slots[slot] = true;
	return high << 16 | static_cast<std::uint32_t>(slot) << 5;
}

void KeyAgent::free_spi_base(std::uint32_t base)
{
	if (base != 0)
		m_spi_slots[base >> 5 & (spi_slots - 1)] = false;
}

const crypto::Secret<32> *KeyAgent::prs_of(const Session &session) const
{
	const auto found = m_passwords.find(session.password_index);
	return found == m_passwords.end() ? nullptr : &found->second;
}

void KeyAgent::send(const Session &session, const core::HakeBytes &message)
{
	if (session.slot != 0) {
		SendSealed sealed{};
		sealed.slot = session.slot;
		sealed.link = session.link;
		sealed.length = message.length;
		std::copy_n(message.bytes.begin(), message.length, sealed.payload.begin());
		m_worker.send(sealed);
		return;
	}
	SendFrame frame{};
	frame.link = session.link;
	frame.destination = session.destination;
	frame.length = message.length;
	std::copy_n(message.bytes.begin(), message.length, frame.payload.begin());
	m_worker.send(frame);
}

// ---------------------------------------------------------------- as A

void KeyAgent::begin(const core::BeginExchange &action)
{
	auto session = std::make_unique<Session>();
	session->initiator = true;
	session->link = action.link;
	session->destination = action.destination;
	session->slot = action.slot;
	session->capabilities = action.capabilities;
	session->password_index = action.password_index;
	session->continues = action.continues;
	session->peer = action.peer;
	session->peer_nonce = action.peer_nonce;
	const crypto::Secret<32> *prs = prs_of(*session);
	if (prs == nullptr)
		return; // taken away a moment ago: the exchange ends like one that nobody answers
	crypto::random_bytes(std::as_writable_bytes(std::span(session->x)));
	session->own_spi_base = new_spi_base();
	session->own = crypto::make_share(*prs, context(*session));
	core::Ke1 ke1;
	ke1.head = head(core::HakeType::ke1, *session);
	ke1.share = copied<core::Share>(session->own.share);
	session->ke1 = core::encode(ke1);
	const ResumeKeys::Key *key = m_resume == nullptr ? nullptr : m_resume->newest(action.peer);
	if (key != nullptr && action.older_ticket && m_resume->older(action.peer) != nullptr)
		key = m_resume->older(action.peer);
	if (key != nullptr && action.slot == 0) {
		ke1.ticket =
			copied<core::Ticket>(crypto::ticket(*key, 1, session->ke1.span().first(ticket_offset_ke1)));
		session->ke1 = core::encode(ke1);
	}
	send(*session, session->ke1);
	m_sessions[action.session] = std::move(session);
}

void KeyAgent::resend_ke1(const core::ResendKe1 &action)
{
	if (const Session *session = find(action.session))
		send(*session, session->ke1);
}

core::KeyResult KeyAgent::evaluate(const core::EvaluateKe2 &action)
{
	core::KeyResult result{action.session, core::KeyStep::ke2, core::KeyOutcome::failed};
	Session *session = find(action.session);
	const auto ke2 = core::decode_ke2(action.ke2.span());
	if (session == nullptr || !ke2 || ke2->head.x != session->x)
		return result;
	const auto peer_share = copied<crypto::Share>(ke2->share);
	auto secrets =
		crypto::SessionSecrets::derive(context(*session), session->own.scalar, peer_share, true,
					       session->own.share, session->ke1.span().first(core::exchange_head_bytes),
					       peer_share, action.ke2.span().first(core::exchange_head_bytes));
	if (!secrets) {
		result.outcome = core::KeyOutcome::point;
		return result;
	}
	const auto expected = secrets->confirm_b(session->ke1.span(), action.ke2.span().first(tag_offset_ke2));
	if (!crypto::equal_constant_time(expected, raw(ke2->confirm))) {
		result.outcome = core::KeyOutcome::confirm_bad;
		return result;
	}
	session->ke2 = action.ke2;
	session->peer_spi_base = ke2->head.spi_base;
	session->secrets = std::move(secrets);
	core::Ke3 ke3;
	ke3.header = {core::HakeType::ke3, m_config.group_id, session->link, m_config.self, m_nonce};
	ke3.destination = session->peer;
	ke3.destination_nonce = session->peer_nonce;
	ke3.x = session->x;
	const auto untagged = core::encode(ke3);
	const auto tag = session->secrets->confirm_a(session->ke1.span(), session->ke2.span(),
						     untagged.span().first(tag_offset_ke3));
	ke3.confirm = copied<core::Tag>(tag);
	session->ke3 = core::encode(ke3);
	result.outcome = core::KeyOutcome::ok;
	return result;
}

void KeyAgent::send_ke3(const core::SendKe3 &action)
{
	if (const Session *session = find(action.session))
		send(*session, session->ke3);
}

// ---------------------------------------------------------------- as B

core::KeyResult KeyAgent::evaluate(const core::EvaluateKe1 &action)
{
	core::KeyResult result{action.session, core::KeyStep::ke1, core::KeyOutcome::failed};
	const auto ke1 = core::decode_ke1(action.ke1.span());
	if (!ke1)
		return result;
	auto session = std::make_unique<Session>();
	session->link = action.link;
	session->destination = action.source;
	session->slot = action.slot;
	session->capabilities = action.capabilities;
	session->password_index = ke1->head.password_index;
	session->continues = action.continues;
	session->peer = ke1->head.header.sender;
	session->peer_nonce = ke1->head.header.nonce;
	session->x = ke1->head.x;
	session->peer_spi_base = ke1->head.spi_base;
	session->ke1 = action.ke1;
	const crypto::Secret<32> *prs = prs_of(*session);
	if (prs == nullptr)
		return result;
	session->own = crypto::make_share(*prs, context(*session));
	session->own_spi_base = new_spi_base();
	core::Ke2 ke2;
	ke2.head = head(core::HakeType::ke2, *session);
	ke2.head.suite = static_cast<std::uint8_t>(action.suite);
	ke2.share = copied<core::Share>(session->own.share);
	const auto untagged = core::encode(ke2);
	const auto peer_share = copied<crypto::Share>(ke1->share);
	session->secrets =
		crypto::SessionSecrets::derive(context(*session), session->own.scalar, peer_share, false, peer_share,
					       action.ke1.span().first(core::exchange_head_bytes), session->own.share,
					       untagged.span().first(core::exchange_head_bytes));
	if (!session->secrets) {
		free_spi_base(session->own_spi_base);
		result.outcome = core::KeyOutcome::point;
		return result;
	}
	const auto tag = session->secrets->confirm_b(session->ke1.span(), untagged.span().first(tag_offset_ke2));
	ke2.confirm = copied<core::Tag>(tag);
	// By the key that made A's ticket, which A surely has.
	if (const ResumeKeys::Key *key = action.slot == 0 ? ticket_key(action.ke1) : nullptr)
		ke2.ticket =
			copied<core::Ticket>(crypto::ticket(*key, 2, core::encode(ke2).span().first(tag_offset_ke2)));
	session->ke2 = core::encode(ke2);
	m_sessions[action.session] = std::move(session);
	result.outcome = core::KeyOutcome::ok;
	return result;
}

void KeyAgent::send_ke2(const core::SendKe2 &action)
{
	if (const Session *session = find(action.session))
		send(*session, session->ke2);
}

core::KeyResult KeyAgent::check(const core::CheckKe3 &action)
{
	core::KeyResult result{action.session, core::KeyStep::ke3, core::KeyOutcome::failed};
	const Session *session = find(action.session);
	const auto ke3 = core::decode_ke3(action.ke3.span());
	if (session == nullptr || !ke3 || !session->secrets || ke3->x != session->x)
		return result;
	const auto expected = session->secrets->confirm_a(session->ke1.span(), session->ke2.span(),
							  action.ke3.span().first(tag_offset_ke3));
	const bool good = crypto::equal_constant_time(expected, raw(ke3->confirm));
	result.outcome = good ? core::KeyOutcome::ok : core::KeyOutcome::confirm_bad;
	return result;
}

// ---------------------------------------------------------------- security associations

// Session frames are always ciphered: where heartbeats are not, by what both sides have said in KE1 and KE2 they can.
crypto::Suite KeyAgent::session_suite(const Session &session, crypto::Suite heartbeat_suite) const
{
	if (heartbeat_suite == crypto::Suite::gcm || heartbeat_suite == crypto::Suite::cbc_sha1)
		return heartbeat_suite;
	const auto ke1 = core::decode_ke1(session.ke1.span());
	const auto ke2 = core::decode_ke2(session.ke2.span());
	const std::uint32_t common = ke1 && ke2 ? ke1->head.capabilities & ke2->head.capabilities : 0;
	if ((common & core::cap_gcm) != 0)
		return crypto::Suite::gcm;
	return (common & core::cap_cbc_sha1) != 0 ? crypto::Suite::cbc_sha1 : crypto::Suite::none;
}

template <typename Make>
void KeyAgent::for_each_sa(const Session &session, core::Suite suite, std::uint8_t link_bitmap, bool inbound, Make make)
{
	if (!session.secrets)
		return;
	const crypto::Suite heartbeat_suite = crypto_suite(suite);
	const std::array classes{std::pair{crypto::TrafficClass::heartbeat, heartbeat_suite},
				 std::pair{crypto::TrafficClass::session, session_suite(session, heartbeat_suite)}};
	const std::uint32_t base = inbound ? session.own_spi_base : session.peer_spi_base;
	const bool from_a = session.initiator != inbound; // dir 0 = A -> B
	std::array<std::byte, crypto::max_sa_key_bytes> key{};
	for (const auto &[traffic_class, class_suite] : classes) {
		const auto used = std::span(key).first(crypto::shape_of(class_suite).key_bytes);
		for (core::LinkIndex link = 0; link < m_config.link_count; ++link) {
			if (class_suite == crypto::Suite::none || !(link_bitmap & 1U << link))
				continue;
			const std::uint32_t spi = core::spi_for(base, link, static_cast<std::uint8_t>(traffic_class));
			session.secrets->sa_key(class_suite, from_a ? 0 : 1, link, traffic_class, spi, used);
			if (m_logger)
				m_logger(spi, class_suite, used);
			make(traffic_class, link, crypto::SaSpec{spi, class_suite, used});
		}
	}
	crypto::wipe(key);
}

void KeyAgent::install(const core::InstallInboundKeys &action)
{
	const Session *session = find(action.session);
	if (session == nullptr)
		return;
	for_each_sa(*session, action.suite, action.link_bitmap, true,
		    [&](crypto::TrafficClass traffic_class, core::LinkIndex link, const crypto::SaSpec &spec) {
			    auto sa = crypto::make_inbound_sa(spec);
			    if (!sa)
				    return; // no locked memory: the session never confirms and is tried again
			    sa->session = action.session;
			    sa->slot = action.slot;
			    sa->link = link;
			    sa->traffic_class = traffic_class;
			    m_worker.send(InstallInbound{sa.get(), action.slot, link, action.session});
			    m_inbound.emplace(sa.get(), std::move(sa));
		    });
}

void KeyAgent::bind(const core::BindCandidate &action)
{
	m_worker.send(BindSession{action.session, action.slot});
}

void KeyAgent::install(const core::InstallOutboundKeys &action)
{
	Session *session = find(action.session);
	if (session == nullptr)
		return;
	for_each_sa(*session, action.suite, action.link_bitmap, false,
		    [&](crypto::TrafficClass traffic_class, core::LinkIndex link, const crypto::SaSpec &spec) {
			    auto sa = crypto::make_outbound_sa(spec);
			    if (!sa)
				    return;
			    sa->session = action.session;
			    sa->traffic_class = traffic_class;
			    m_worker.send(InstallOutbound{sa.get(), action.slot, link, action.session});
			    m_outbound.emplace(sa.get(), std::move(sa));
		    });
	// Both directions exist: nothing that leads to keys is needed any more.
	session->secrets.reset();
	session->own = crypto::OwnShare{};
}

void KeyAgent::drop(const core::DropSession &action)
{
	const auto it = m_sessions.find(action.session);
	if (it == m_sessions.end())
		return;
	free_spi_base(it->second->own_spi_base);
	m_sessions.erase(it);
	m_worker.send(RemoveSession{action.session});
}

// ---------------------------------------------------------------- what outlives a session

void KeyAgent::keep(const core::KeepResumeKey &action)
{
	const Session *session = find(action.session);
	if (m_resume != nullptr && session != nullptr && session->secrets)
		m_resume->keep(session->peer, session->secrets->resume_key());
}

const ResumeKeys::Key *KeyAgent::ticket_key(const core::HakeBytes &message) const
{
	const auto header = core::decode_header(message.span());
	if (m_resume == nullptr || !header ||
	    (header->type != core::HakeType::ke1 && header->type != core::HakeType::ke2))
		return nullptr;
	const bool first = header->type == core::HakeType::ke1;
	const auto given = message.span().subspan(first ? ticket_offset_ke1 : ticket_offset_ke2);
	for (const ResumeKeys::Key *key : {m_resume->newest(header->sender), m_resume->older(header->sender)})
		if (key != nullptr &&
		    crypto::equal_constant_time(
			    crypto::ticket(*key, first ? 1 : 2,
					   message.span().first(first ? ticket_offset_ke1 : tag_offset_ke2)),
			    given))
			return key;
	return nullptr;
}

bool KeyAgent::ticketed(const core::HakeBytes &message) const
{
	return ticket_key(message) != nullptr;
}

void KeyAgent::begin_anew(const core::BootNonce &nonce)
{
	while (!m_sessions.empty())
		drop(core::DropSession{m_sessions.begin()->first});
	m_nonce = nonce;
}

void KeyAgent::released(crypto::InboundSa *sa)
{
	m_inbound.erase(sa);
}

void KeyAgent::released(crypto::OutboundSa *sa)
{
	m_outbound.erase(sa);
}

} // namespace systole::control
