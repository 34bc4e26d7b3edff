// The IAB's own decoders behind a pipe: one JSON request a line in, one JSON answer a line out. Of no use outside tests.
import { createInterface } from 'node:readline';
import {
  GVL, PurposeRestriction, Segment, SegmentEncoder, TCModel, TCString,
} from '@iabtechlabtcf/core';
import { GppModel, Sections } from '@iabgpp/cmpapi';

const SEGMENTS = {
  core: Segment.CORE, disclosed: Segment.VENDORS_DISCLOSED, allowed: Segment.VENDORS_ALLOWED, publisher: Segment.PUBLISHER_TC,
};

// Ids as ascending ranges, starts and ends by turns: a flipped bit can make tens of thousands of ids.
function ranges(ids) {
  const sorted = [...ids].sort((a, b) => a - b);
  const out = [];
  for (const id of sorted) {
    if (out.length && out[out.length - 1] === id - 1) out[out.length - 1] = id;
    else out.push(id, id);
  }
  return out;
}

function read(text) {
  let m;
  try {
    m = TCString.decode(text);
  } catch (error) {
    return { error: error.name };
  }
  const kinds = text.split('.').map((s) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(s[0]) >> 3);
  return {
    version: m.version, created_at: m.created.getTime(), updated_at: m.lastUpdated.getTime(), cmp_id: m.cmpId,
    cmp_version: m.cmpVersion, screen: m.consentScreen, language: m.consentLanguage,
    vendor_list_version: m.vendorListVersion, policy_version: m.policyVersion, service_specific: m.isServiceSpecific,
    non_standard_texts: m.useNonStandardTexts, special_features: ranges(m.specialFeatureOptins.values()),
    purposes: ranges(m.purposeConsents.values()), interests: ranges(m.purposeLegitimateInterests.values()),
    purpose_one_treatment: m.purposeOneTreatment, publisher_country: m.publisherCountryCode,
    vendor_consents: ranges(m.vendorConsents.values()), vendor_interests: ranges(m.vendorLegitimateInterests.values()),
    restrictions: m.publisherRestrictions.getRestrictions().map((r) => [
      r.purposeId, r.restrictionType, ranges(m.publisherRestrictions.getVendors(r)),
    ]),
    disclosed: kinds.includes(1) ? ranges(m.vendorsDisclosed.values()) : null,
    allowed: kinds.includes(2) ? ranges(m.vendorsAllowed.values()) : null,
    publisher: kinds.includes(3) ? {
      consents: ranges(m.publisherConsents.values()), interests: ranges(m.publisherLegitimateInterests.values()),
      custom_count: m.numCustomPurposes, custom_consents: ranges(m.publisherCustomConsents.values()),
      custom_interests: ranges(m.publisherCustomLegitimateInterests.values()),
    } : null,
  };
}

function fill(vector, list) {
  for (let i = 0; i < list.length; i += 2) for (let id = list[i]; id <= list[i + 1]; id++) vector.set(id);
}

// Segment by segment, because the whole encoder first takes away whatever its vendor list does not know.
function write(state) {
  const m = new TCModel();
  m.cmpId = state.cmp_id; m.cmpVersion = state.cmp_version; m.consentScreen = state.screen;
  m.consentLanguage = state.language; m.vendorListVersion = state.vendor_list_version;
  m.policyVersion = state.policy_version; m.isServiceSpecific = state.service_specific;
  m.useNonStandardTexts = state.non_standard_texts; m.purposeOneTreatment = state.purpose_one_treatment;
  m.publisherCountryCode = state.publisher_country;
  m.created = new Date(state.created_at); m.lastUpdated = new Date(state.updated_at);
  fill(m.specialFeatureOptins, state.special_features); fill(m.purposeConsents, state.purposes);
  fill(m.purposeLegitimateInterests, state.interests);
  fill(m.vendorConsents, state.vendor_consents); fill(m.vendorLegitimateInterests, state.vendor_interests);
  for (const [purpose, kind, vendors] of state.restrictions) {
    for (let i = 0; i < vendors.length; i += 2) {
      for (let id = vendors[i]; id <= vendors[i + 1]; id++) m.publisherRestrictions.add(id, new PurposeRestriction(purpose, kind));
    }
  }
  m.publisherRestrictions.gvl = { vendorIds: new Set(Array.from({ length: 4000 }, (_, i) => i + 1)) };
  const order = ['core'];
  if (state.disclosed !== null) { fill(m.vendorsDisclosed, state.disclosed); order.push('disclosed'); }
  if (state.allowed !== null) { fill(m.vendorsAllowed, state.allowed); order.push('allowed'); }
  if (state.publisher !== null) {
    const p = state.publisher;
    fill(m.publisherConsents, p.consents); fill(m.publisherLegitimateInterests, p.interests);
    m.numCustomPurposes = p.custom_count;
    fill(m.publisherCustomConsents, p.custom_consents); fill(m.publisherCustomLegitimateInterests, p.custom_interests);
    order.push('publisher');
  }
  return order.map((name) => SegmentEncoder.encode(m, SEGMENTS[name])).join('.');
}

function vendorList(known) {
  const purposes = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i + 1, { id: i + 1 }]));
  const vendor = (id) => ({
    id, purposes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], legIntPurposes: [2, 7, 9, 10], flexiblePurposes: [2, 7, 9, 10],
    specialPurposes: [1, 2], features: [], specialFeatures: [],
  });
  return new GVL({
    gvlSpecificationVersion: 3, vendorListVersion: 178, tcfPolicyVersion: 5, lastUpdated: '2026-09-01T00:00:00Z',
    purposes, specialPurposes: { 1: { id: 1 }, 2: { id: 2 } }, features: {}, specialFeatures: {}, stacks: {}, dataCategories: {},
    vendors: Object.fromEntries(known.map((id) => [id, vendor(id)])),
  });
}

// What a banner does on "accept all" and "reject all", with the whole encoder and a vendor list of these ids.
function banner({ known, accepted, purposes, updated_at: at }) {
  const m = new TCModel(vendorList(known));
  m.cmpId = 300; m.cmpVersion = 1; m.publisherCountryCode = 'NO'; m.isServiceSpecific = true;
  m.purposeConsents.set(purposes);
  if (purposes.length) m.purposeLegitimateInterests.set([2, 7, 9, 10]);
  m.vendorConsents.set(accepted); m.vendorLegitimateInterests.set(accepted); m.vendorsDisclosed.set(known);
  m.created = new Date(at); m.lastUpdated = new Date(at);
  return TCString.encode(m);
}

const OPT_OUTS = ['SaleOptOut', 'SharingOptOut', 'TargetedAdvertisingOptOut', 'OptOutSale'];

function readGpp(text) {
  try {
    const model = new GppModel(text);
    const out = {};
    for (const id of model.getSectionIds()) {
      const fields = model.getSection(Sections.SECTION_ID_NAME_MAP.get(id));
      if (id === 2 || id === 5) { out[id] = null; continue; }
      out[id] = {
        opted_out: OPT_OUTS.some((name) => fields[name] === 1 || fields[name] === 'Y'),
        gpc: fields.Gpc === true && fields.GpcSegmentIncluded !== false,
        values: OPT_OUTS.filter((name) => name in fields).map((name) => fields[name]),
      };
    }
    return out;
  } catch (error) {
    return { error: error.name };
  }
}

function writeGpp(sections) {
  const model = new GppModel();
  for (const [name, fields] of Object.entries(sections)) {
    for (const [field, value] of Object.entries(fields)) model.setFieldValue(name, field, value);
  }
  return model.encode();
}

const OPS = {
  read, write, banner, readGpp, writeGpp,
  readMany: (texts) => texts.map(read),
  readManyGpp: (texts) => texts.map(readGpp),
  knownGpp: () => [...Sections.SECTION_ID_NAME_MAP.keys()].sort((a, b) => a - b),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [op, argument] = JSON.parse(line);
  let answer;
  try {
    answer = { ok: OPS[op](argument) };
  } catch (error) {
    answer = { failed: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
