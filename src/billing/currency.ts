/**
 * The currencies of ISO 4217 and their exponents: how many decimals the minor unit has.
 *
 * An own table, because Intl follows CLDR, which has other numbers for some currencies (IQD: 0 instead of 3), and a runtime's update
 * must not change a bill. Each document stores the exponent it was made with. Source: ISO 4217, list one, as of 1 January 2026, without
 * the codes that have no minor unit: metals, funds, testing and "no currency".
 */
const BY_EXPONENT: readonly (readonly [exponent: number, codes: string])[] = [
  [0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"],
  [
    2,
    `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC
     CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
     KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
     PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS
     UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`,
  ],
  [3, "BHD IQD JOD KWD LYD OMR TND"],
  [4, "CLF UYW"],
];

const EXPONENTS = new Map(
  BY_EXPONENT.flatMap(([exponent, codes]) => codes.split(/\s+/).map((code) => [code, exponent] as const)),
);

/** Decimals of a currency's minor unit: 2 for USD, 0 for JPY, 3 for BHD. null if the code is not one of ISO 4217, in capitals. */
export function exponentOf(currency: string): number | null {
  return EXPONENTS.get(currency) ?? null;
}
