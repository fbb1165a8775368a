#include "crypto/pkey.h"

#include <unistd.h>

#include "base/codec.h"
#include "lib/check.h"

/* Public keys that are taken or refused, made once; the RSA ones have no private half. */
static const char pem_rsa1024[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQChcLM4OSYwWfKMEF0fsXwjkMGS\n"
	"z9OslK8PId22bK1KJo0Rbs4XOPfZPZwXJBHiC49rDVSbbwNnWhYAo1oJmVDYNvZ1\n"
	"zIHnTvXo4l2UDtkEdZUxmF1dncn4GBjoEYkvkCvSPwgkEosvMwxcf9Cmo6RQZRMn\n"
	"DiaeDTfyp03kUua0OQIDAQAB\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa2040[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQAA1+4F4AkCx36/8gaGc0ch\n"
	"TN0gVZMNbq8U9HM/Pn0b+8ei6iCy8UyULgUxmstcdCc/mOJ3TL2HrVyQqVh0A+Qw\n"
	"7Ganh5XnYdF3Ma8QUGvy78b4dxhtdrB+iB7RYq4usVR/FQUkNLm13553abEPQgW0\n"
	"kHpwwxAS8De2TOQijDj7KRjxNdJfVXIDMBhQxaOP1UeSOnNplOO/kRph2+IuRBWL\n"
	"rpe6lNDtqC+PbQVYTviqOJInZlgeJ6HAimpj7CTt5qRrTLJCSiPVliIXvq3bxJbL\n"
	"joGXPgvs17A4mNGQ+evazAyx4pxljNoUleYK9ZO9BM8P1jDx8p0NqZU/SPGgn3a1\n"
	"AgMBAAE=\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa2048[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2v+yKXYxqZLwzlg1Bcav\n"
	"B1jVVj2rLNMe4xUSiGLDOk+3dOtSSNtAr3IVg3DSaamlrmWPM/47iQuT9Eizpao8\n"
	"gU9CbcuzlPs2uy1CDw+ICAsQo9ayqgXhGrJxWUV5XoIpRRq9gfHWntYX9eg31wgg\n"
	"/hGactF0yd9qzAEc3ZR0Axt/JhRLmCifzVmlSnux/uCPVxJCQlBRwczRf5rK4B9Q\n"
	"V8oCE16SsdPyjt4NesO66p4T3u+GqxAx0PZG4fQKCXyXa/RsaX0sr4Lu6sviJuh1\n"
	"VVeQ+C7B0/z/Kjr01GsKGOiDDge8HjmPEBK9Ss767L04m+S8/Em2Sghy5sw6urzt\n"
	"IQIDAQAB\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa4096[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA+lKbo/47+tp88gck2VPu\n"
	"Jh2HzsMfcpareWH9kl050KiaLvgPWO6FcfSZjXxAk/beomiqhyYHZ51gUJFKnTOg\n"
	"HDU8Yxzf1D83EgAznQaHOfqdHeKgXRWKL/LuTkUZ+ZGciV/Xsya5TH+RGLsWAA9J\n"
	"yBo1jKANdZhdmclDCVcNwZUcJEL5KYyzpXDM7DE1cYEK/BMtDRE9sX0wy8l9D+95\n"
	"KGaDaIaiYM0Le0UUXBqBaCxk5QytZiN6BGXn5CNkcvGjjyxuyMxBaaOuOit/3+AY\n"
	"k/Ou0LbHrBSR3viDNOZHy4905ppdDdJ6Zb1iiIGtG3Lbp6vhwp4ajvTzQeB6g/c/\n"
	"Ftv0qLKwxDEtICA2JvP+OcBRkIj1kPu9EZwcqvdeh2btiNr0AWtAE+8lSwxOAQxH\n"
	"WUgsnLxDQ1zFLq4Fz5bQzF/UwowufCaEfwMWkJ47u+nqqJSMiTthhnYmu329LRya\n"
	"8BU+fComosC9OxKH//Ut311hZJnJ4lp2Ba7G8CRb2G1A/IkbSmpQ30201mo6R0aa\n"
	"TYzbMF/dLhYJbjaqsNG8UtkjDZd+4iVxWUcgdx+MqBgRZtIodnL98gIqlvsaFKD5\n"
	"538bEDzfFYKw6rR30mQVR5xl3J9QP2Ovg70FYeYhHHDPSZUjmcSq6sE33Hb7Dxej\n"
	"AH5iqgod+f14nGU5OCsFN+cCAwEAAQ==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa4104[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIICIzANBgkqhkiG9w0BAQEFAAOCAhAAMIICCwKCAgIA1aLGjkXKBMefbxW2rS2z\n"
	"mX/jljm+emBakTMGmKHACTSStiRncchFAHBjdxQH6OcniR6yAQmpHCQ51auLTRW0\n"
	"CuukpF7/zLVz2VgQ1g6nKZG56MFHQ3q+xTkAfRA01ybIa5w6I83mept1/DlHJJ/C\n"
	"0KF7jyq1NFHQE1Z19q0yW1XdeFcpdjoSkXwaJviJOHA4ABSeJZtdWMcF+XnQSvR6\n"
	"691Zeh7P/PAP7Lke6eXv4J8Hzv4qH3J9g0lYIst39N4sCJrqZCmxSR4kMZK3BEJZ\n"
	"QFJ45LmNR4f5O8pE64YHJuJc/VapJgdrPja7IxP1WwYljn4m82qEg/i4My3TMToL\n"
	"mWXNpsb9vWhRZ2aTQDbRfkSXPUiCpc5bKpIx9RcH2kXhisIhawL8JB0LydSIsc+/\n"
	"M2Cc/IZSORlCQqLt271UZOzCgLDAi8dwJCCKpCSMiFf5pDkI8ifFnbkWWw7nbyrD\n"
	"REbog6HUXeAJl4S1qBhC2HII2G9A9rI588cXTHei3QLekqSWNqL6fw6rTE+bBocy\n"
	"LiXCFagqBuxBreoFdUOLDVkLsKhE5SWHvmtcm881hzvgePO3pQ3zc8pTNIj4dgXp\n"
	"mfOELn/CKVQKbrEqofbUL927eob3okPHG5q9h6hlV7b7fr/qoVUaKPezJOTiWhX8\n"
	"iZ5P1Y2+e9yWi3r7LGh3SxXXAgMBAAE=\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa16384[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIIIjANBgkqhkiG9w0BAQEFAAOCCA8AMIIICgKCCAEAut1lJ6SUbRWxfdJV9MGC\n"
	"Jq7SOw+2EEuE5JB9ScxHk9eVhQ4hr7ycqdOPjEUEHc2Uzf9aHNAakUzVvnhakYff\n"
	"QoEedhbAu+bthhT1BOjuZaEjqanagWsjMs/tlDuzeDp8u927m23i+x+gmNaRg1K8\n"
	"heRWVZy3CvXy1dWJH9Mp1lwLNbHeJQ57NKSqB7SeY5fUuWJF00i/y88mQzeYfoNJ\n"
	"BPwXNJi4fk4rU32RKMOp6Iljt1n1mLgcZuEMFn3Itur/t0tYm+SOngKoVMg0J76a\n"
	"scAjbknabm2Oh3j3QvUntcKV6Mk+FaCorjuZaHChMgudTeL4rUy1mqcFwi0/ZNvI\n"
	"0wqqr4GWOJKnZkZdKCTUWJwW+hQh0SnQZ0OgjwYXQg6UAURwK8a3ie+BNlrMP4iv\n"
	"WTNzbcyn8MmegLUkSkdn4fp5gj6yFXnaCmGySAxV2F6NAEYNaS7WVBFbSRVhN8YO\n"
	"mE8+iF7h5De39zXv5gjRgBE+lAu0UtMeG4wNADP8IyWp+P3SCFQ0gVb2N6RoXThe\n"
	"BkNj5dkA7WsCciGP3ETflv8oVBQkL3M7BXWetVkLlK86SwXhrrFT1pw+AaqmmUmK\n"
	"xEgsx474jt4Qq6i5s4GFeXze25EJYYF3/9ddZ2mqTFxgFaDM5g4uxAopyoYtbkUF\n"
	"9UFumbDhPiE+varqAKAdYW8SGuPmA6Y5ZiE7yn/WRN4vDexoI/tcnVZY+S3q/UvQ\n"
	"MGeaRN0jxJyuos9iurqViBC06/S24cYKo9UQuwQy2Q3NV7t9lzrE2pr7gTkhNxYc\n"
	"FrAP17tOyt6igbYrtfhmZK5koUn144OLntWpQiqLwIMRfrhsV6gRAKFuozChpm1Y\n"
	"tdGkwB6oh64iGzVBG3JyO5zvRMDVPuTaWnmJ6dCDpOYpMIA4ifphl3SNEY43gXKK\n"
	"B7urJ/YEuBV9A+25IAl1g0BAHWj7/pd8VgSmVlHNvedHWNUPG0VA9CYtitjArBJ+\n"
	"k4AFznRyGIj/SjrfmTSz/2DCbnpCh/U93U4U1XGg8JbaT9677O6nu2QzpxVoLl+V\n"
	"DAzlr2lDC5HtKVS6XPgeVN0cBQLG8CkFMT0KJwu1pDLPhuPnJgsPhzshFOBonyf1\n"
	"LESSdNLqWWea7ToyqGryV0iNlZwx/orUoVbSpowC9LNCdCqAYx8mQqrc3tIEQ7MP\n"
	"ZhEOLLY477rr2zHM0puxg+EVcCZrQrOHVc03iA4WrEGRomqgrgRPFXTwN6/GRNgq\n"
	"UxKJuvrlMWlgbOGTwi7vonmwLj2NzLHFHQ66DqhHcKCHFub+w1O5c3ezTo7Ofp7l\n"
	"HZISgkyDyMso607S44lei2smPPpeZ+wyakI0M1TyLSiC0aibN60Mm7bpUmpp2X6W\n"
	"e2wY2YLR3OxTISqNm8F6kmJFO/SRLnom6cdsYD/n6Pn2CiJzhUWclFxD/AUnFYUK\n"
	"AxrS1fHgWz4T+MEQ+zqCgVnJ0ilQ6yX4ofwualkc47wMEHVcl/X1VO2DI571S6Lh\n"
	"YZ+5r1CEdouMVN0LpWJkZ7oEoQVHtAG6hXDB3KF1a3KJjdY8uVaF1iQE/NVVXa8Q\n"
	"bbje4IEXmgceUYrkUltLG3UyHFKWa9jGdlbQUM1nYBNng/6xe/57iuRueDaktNGe\n"
	"wSlV1vA5RTNr1RsYFar3GfP9aDc7KazxpXy9H1riivYEZfQphhgYmvTz10+CvyaO\n"
	"oDg26GV3vYkf97ED3yMjHh7iAVUiQMus0CSaRYRdvjAjqQaSL6S5qcS3U6Hu8INg\n"
	"hSeJ0FnG5Q3y5aOGPh9SUmXIsAfuTYL+rKtihs02ctauErgK7W2nmoc9moB5q9DX\n"
	"+xKSYYVQ5A1UcS6ms2Rx/eQfIp3Qaqi54CMbPhRykTW91wo50TPc13/xefLS5IuW\n"
	"Yo88S+PsO5YFQnSj6+2E6R7xMr8t4EABXOBkoRSF8RFbsv/xez9mXt7xBjfOgfwG\n"
	"nnpgloPOr0kViIVk6IIWhY9zzO8DRvWhtLFW0a0zDBajgx0Dv5sr1sCBa+4G+S4j\n"
	"OZzOoJhTW2pDcXi6ChA48LXpmNDu5N35ucKO6QcHIjXCj81/QHPBzSyB+YtSGQXV\n"
	"kcWy51oKzYvhRuQJkDD5cFg/nVL5DovslI9vkV/iGzfKGyn8mcbIDivIxhSye4RE\n"
	"0Y4xcEGH3a63hLKAVK6tRLBTc5DlD88xyo51L98ezmFduaZELp59azd5NtU2JD01\n"
	"cCwe6h8mWXSnzJZvRsaqfVUBAbgRm8o8ty7gKJ3GyRuScKwGrN9wMBcEydeNgrM1\n"
	"mYYEhxkm3r/biCWuViF5s32AbBC14M+rTOrvxNLTv20Ba65LW4RKcDTnf/5I0Kbs\n"
	"F5VWWF6pl/NRdUoJzeXP7fpakZbwvWuIGuj24L0Pl3BEIY4Le9WNzbRrRGgGi1qz\n"
	"7kJluzFTdAkCliC/DcOAhKA9k/1MgEwl1kr/3NE2eLyNQHg/CgcqmNI2Bt7837hc\n"
	"DdN+6RUx3sT03yqLefyOgLNvDiKJI6XviO8CCQu/3vwVhs4D+RpPRPmmURRFufNj\n"
	"XPiMQivMoqkrA6VswQV6QLIhiCh+jFxxX4x0/B4n6eBvWbROku/93uqoQrwZeW90\n"
	"rfr1VJaYivP705Yw1pyQEe8la635p+ZSm8526fR3IW6e56RjCZc/eYYmsc/8Bw1x\n"
	"CSCFljT+PJyPK4VcHyiqylG5jGfCFb1Ej/JhSe2+TFzmZsFJTnaRsG9lVav+uMmB\n"
	"evi+iDHyN+RazQLF4RY1PQMCAwEAAQ==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa_e3[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEApIwdXKH+tiSd8gJfC/ek\n"
	"vcRYJy9Jjb+orwa89+kUV9t6oGjxE6U5f2Hve9HYdLx5fnNtX3XY2KT5ycZ5pmH2\n"
	"LL1laAw7EYXZNIki18GmJNy6tbNzPBrpF0P7n7zYnDayEw8nss8o9l5Aj8FGeU7J\n"
	"JryeKOq+6AYmEOitAYanSmOox9ngF4mBn4kC2vzl2f6BgMK18e64n/G/jlGqEfLU\n"
	"Tcw16DR0+pQSANk1NEOH7nt9QmRvPpt2j65AAeOIDLQBoFBgmATSvgmgtVhkDP/w\n"
	"VI77pEJzjgt31fhgw2BqDesa285d9aLYeVxXUyujGkndIhJlQAq3eYgH+iL3FciR\n"
	"/wIBAw==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa_e_even[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApIwdXKH+tiSd8gJfC/ek\n"
	"vcRYJy9Jjb+orwa89+kUV9t6oGjxE6U5f2Hve9HYdLx5fnNtX3XY2KT5ycZ5pmH2\n"
	"LL1laAw7EYXZNIki18GmJNy6tbNzPBrpF0P7n7zYnDayEw8nss8o9l5Aj8FGeU7J\n"
	"JryeKOq+6AYmEOitAYanSmOox9ngF4mBn4kC2vzl2f6BgMK18e64n/G/jlGqEfLU\n"
	"Tcw16DR0+pQSANk1NEOH7nt9QmRvPpt2j65AAeOIDLQBoFBgmATSvgmgtVhkDP/w\n"
	"VI77pEJzjgt31fhgw2BqDesa285d9aLYeVxXUyujGkndIhJlQAq3eYgH+iL3FciR\n"
	"/wIDAQAA\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa_e_huge[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIICGzANBgkqhkiG9w0BAQEFAAOCAggAMIICAwKCAQEApIwdXKH+tiSd8gJfC/ek\n"
	"vcRYJy9Jjb+orwa89+kUV9t6oGjxE6U5f2Hve9HYdLx5fnNtX3XY2KT5ycZ5pmH2\n"
	"LL1laAw7EYXZNIki18GmJNy6tbNzPBrpF0P7n7zYnDayEw8nss8o9l5Aj8FGeU7J\n"
	"JryeKOq+6AYmEOitAYanSmOox9ngF4mBn4kC2vzl2f6BgMK18e64n/G/jlGqEfLU\n"
	"Tcw16DR0+pQSANk1NEOH7nt9QmRvPpt2j65AAeOIDLQBoFBgmATSvgmgtVhkDP/w\n"
	"VI77pEJzjgt31fhgw2BqDesa285d9aLYeVxXUyujGkndIhJlQAq3eYgH+iL3FciR\n"
	"/wKB+wCXHpTbX48TGdQkNfEDAO43nGXyEgHk6qNVbDW35EhjCH5SRMa4lf50nmdz\n"
	"Dzfx/p60rffV8SSBscAl0eTQoxOTKQR1fxy6SiJ/OQR7LBB5Eu9K765dThX6i2X6\n"
	"ZnLNT8npGDMCDM2MkEc+5McX/f5I72MeVjQIxGU83ndiALV3RRDKdvQlHkkZYaGE\n"
	"O67ptXiQnEp1kfJ9V10XrPstXje6wjOxMww/GXoU4qwIS6X49lmsRM5Ks3xdQtwP\n"
	"h3rje3/sSwMxLq0iKTCukVjUqJ8DvFpN7kgSsWEH8b5DfHumyvSjQQI67VTvElol\n"
	"vaZZmYZI4BPVMW8ywyRF\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_rsa_pkcs1[] =
	"-----BEGIN RSA PUBLIC KEY-----\n"
	"MIIBCgKCAQEApIwdXKH+tiSd8gJfC/ekvcRYJy9Jjb+orwa89+kUV9t6oGjxE6U5\n"
	"f2Hve9HYdLx5fnNtX3XY2KT5ycZ5pmH2LL1laAw7EYXZNIki18GmJNy6tbNzPBrp\n"
	"F0P7n7zYnDayEw8nss8o9l5Aj8FGeU7JJryeKOq+6AYmEOitAYanSmOox9ngF4mB\n"
	"n4kC2vzl2f6BgMK18e64n/G/jlGqEfLUTcw16DR0+pQSANk1NEOH7nt9QmRvPpt2\n"
	"j65AAeOIDLQBoFBgmATSvgmgtVhkDP/wVI77pEJzjgt31fhgw2BqDesa285d9aLY\n"
	"eVxXUyujGkndIhJlQAq3eYgH+iL3FciR/wIDAQAB\n"
	"-----END RSA PUBLIC KEY-----\n";

static const char pem_rsa_pss[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAM6ckvtz3J4gTvoOCqvKx9VB\n"
	"sXDX3Upw2T/9Sx0966irpgNwYN5EC+vSFwxv8o/Szq8e5XEx3Or2he9lGIsrE7Ch\n"
	"PyXD+ZrRYtTD5jEYvo4Bi+aFJ4H+00nQOVDL4GGUVfiADLXVpoRVguwYUtua4daM\n"
	"KG1duPLnWZrlqXi+zfBwTrkmKc6Aa2uwDfb1lxfmjzNcqjQtqW7aLwic3vRnZRs7\n"
	"fXGT+yQutUxc6aTxCPQulFx6A46hp2VjDi2aj+xIo96EP4+12BAQmT/uQeoBOsFP\n"
	"JtksCbDibMkSZLXL8sPwNfKPRGfxwp4v4Jks5/3RYGlOXq14ix5vZCL0xdtUz50C\n"
	"AwEAAQ==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_ec[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUytfaRTO3xaUlOOd6Z61Ho5LvZGL\n"
	"EcKFEikjq5d8UQAsOIluwVBoZoTgIQ2i5RphhUNeUWA8gX9rxvBfxRizfg==\n"
	"-----END PUBLIC KEY-----\n";

static const char pem_x25519[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VuAyEAZHWGiAHWtk35930K8Ft6AJayZkjNownc5AXoysI/Si0=\n"
	"-----END PUBLIC KEY-----\n";

/* RFC 9421, B.1.4. */
static const char pem_ed25519[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n"
	"-----END PUBLIC KEY-----\n";
static const char pem_ed25519_private[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
	"-----END PRIVATE KEY-----\n";

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
test_public(void **state)
{
	static const struct {
		const char *what, *pem;
		int type;         /* -1 = refused */
		const char *says; /* of the refusal */
	} cases[] = {
		{"2048 bits", pem_rsa2048, PKEY_RSA, NULL},
		{"4096 bits", pem_rsa4096, PKEY_RSA, NULL},
		{"the older form of RSA", pem_rsa_pkcs1, PKEY_RSA, NULL},
		{"Ed25519", pem_ed25519, PKEY_ED25519, NULL},
		{"1024 bits", pem_rsa1024, -1, "has 1024 bits: 2048 to 4096"},
		{"2040 bits", pem_rsa2040, -1, "has 2040 bits"},
		{"4104 bits", pem_rsa4104, -1, "has 4104 bits"},
		{"16384 bits, as dear to verify as it is long", pem_rsa16384, -1,
			"is not taken"},
		{"e = 3", pem_rsa_e3, -1, "exponent is not 65537"},
		{"e = 65536", pem_rsa_e_even, -1, "exponent is not 65537"},
		{"e of 2000 bits", pem_rsa_e_huge, -1, "exponent is not 65537"},
		{"RSA-PSS only", pem_rsa_pss, -1, "neither RSA nor Ed25519"},
		{"P-256", pem_ec, -1, "neither RSA nor Ed25519"},
		{"X25519", pem_x25519, -1, "neither RSA nor Ed25519"},
		{"a private key", pem_ed25519_private, -1, "not a PEM public key"},
		{"a certificate",
			"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", -1,
			"not a PEM public key"},
		{"cut off", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iX\n", -1,
			"not a PEM public key"},
		{"not base64", "-----BEGIN PUBLIC KEY-----\n****\n-----END PUBLIC KEY-----\n",
			-1, "not a PEM public key"},
		{"a word", "key", -1, "not a PEM public key"},
		{"nothing", "", -1, "of 0 bytes"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pkey *k = NULL;
		const struct err *e = pkey_public_from_pem(a, span_of(cases[i].pem), &k);

		if (!e != (cases[i].type >= 0))
			check_fail("%s: %.*s", cases[i].what,
				SPAN_FMT(e ? err_text(a, e) : SPAN("taken")));
		if (e) {
			assert_int_equal(e->kind, ERR_INPUT);
			assert_null(k);
			if (!span_has(e->text, span_of(cases[i].says)))
				check_fail("%s: %.*s", cases[i].what, SPAN_FMT(e->text));
			continue;
		}
		assert_int_equal(pkey_type(k), cases[i].type);
		pkey_unref(k);
	}
	{
		struct pkey *k = NULL;

		/* A NUL in the middle. */
		assert_non_null(pkey_public_from_pem(a, span_from("\0\0\0", 3), &k));
	}
}

/* A key that says it is encrypted: nobody is asked for a password, least of all on a terminal.
 */
static void
test_password(void **state)
{
	static const char encrypted[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"Proc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n"
		"\n"
		"MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n"
		"-----END PUBLIC KEY-----\n";
	struct arena *a = *state;
	const int saved = dup(STDERR_FILENO);
	struct pkey *k = NULL;
	int fds[2];
	char c;

	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	assert_non_null(pkey_public_from_pem(a, span_of(encrypted), &k));
	assert_non_null(pkey_private_from_pem(a, span_of(encrypted), &k));
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 0); /* no prompt */
	(void)close(fds[0]);
	(void)close(saved);
	assert_null(k);
}

/* The private key that RFC 8032 makes of a seed of 32 bytes, by way of PKCS#8. */
static struct pkey *
from_seed(struct arena *a, struct span seed)
{
	static const char head[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70"
				   "\x04\x22\x04\x20";
	char der[48];
	struct pkey *k;

	memcpy(der, head, 16);
	memcpy(der + 16, seed.p, 32);
	check_ok(a, pkey_private_from_pem(a,
			    arena_printf(a,
				    "-----BEGIN PRIVATE KEY-----\n%.*s\n"
				    "-----END PRIVATE KEY-----\n",
				    SPAN_FMT(base64_encode(a, span_from(der, sizeof(der))))),
			    &k));
	return k;
}

/* RFC 8032, 7.1: tests 1 to 3. */
static void
test_ed25519(void **state)
{
	static const struct {
		const char *seed, *public, *text, *signature;
	} cases[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb882"
			"1590a33ba"
			"cc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
			"72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1"
			"e43e15996e"
			"458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
			"af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b"
			"538d16f290"
			"ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	};
	struct arena *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span seed, public, text, want, got;
		struct pkey *k, *p;

		assert_true(hex_decode(a, span_of(cases[i].seed), &seed));
		assert_true(hex_decode(a, span_of(cases[i].public), &public));
		assert_true(hex_decode(a, span_of(cases[i].text), &text));
		assert_true(hex_decode(a, span_of(cases[i].signature), &want));
		k = from_seed(a, seed);
		check_span(pkey_ed25519_public(a, k), public);
		check_ok(a, pkey_sign(a, k, text, &got));
		check_span(hex_encode(a, got), span_of(cases[i].signature));
		check_ok(a, pkey_ed25519_from_public(a, public, &p));
		assert_true(pkey_verify(p, text, want));
		assert_false(pkey_verify(p, SPAN("x"), want));
		pkey_unref(k);
		pkey_unref(p);
	}
	{
		struct pkey *k = NULL;
		struct span seed;

		/* The seed 00 01 ... 1f. */
		assert_true(hex_decode(a,
			SPAN("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"
			     "f"),
			&seed));
		k = from_seed(a, seed);
		check_span(hex_encode(a, pkey_ed25519_public(a, k)),
			SPAN("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b"
			     "8"));
		/* As a Multikey: 0xed 0x01 before the key, then base58. */
		{
			char multi[34] = "\xed\x01";

			memcpy(multi + 2, pkey_ed25519_public(a, k).p, 32);
			check_span(base58_encode(a, span_from(multi, 34)),
				SPAN("6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd"));
		}
		pkey_unref(k);
		k = NULL;
		assert_non_null(pkey_ed25519_from_public(a, span_slice(seed, 0, 31), &k));
		assert_null(k);
	}
}

/* Both kinds: out as PEM, in again, sign with one and verify with the other. */
static void
test_round_trip(void **state)
{
	struct arena *a = *state;

	for (int type = PKEY_RSA; type <= PKEY_ED25519; type++) {
		struct pkey *made = pkey_generate((enum pkey_type)type), *private, *public,
			    *other;
		const struct span text = SPAN("what is said");
		struct span sig, changed;
		char *bytes;

		assert_int_equal(pkey_type(made), type);
		check_ok(a, pkey_private_from_pem(a, pkey_private_pem(a, made), &private));
		check_ok(a, pkey_public_from_pem(a, pkey_public_pem(a, made), &public));
		other = pkey_generate((enum pkey_type)type);
		check_span(pkey_public_pem(a, private), pkey_public_pem(a, made));
		check_ok(a, pkey_sign(a, private, text, &sig));
		assert_int_equal(sig.n, type == PKEY_RSA ? 256 : 64);
		assert_true(pkey_verify(public, text, sig));
		assert_true(pkey_verify(made, text, sig));
		assert_false(pkey_verify(other, text, sig));
		assert_false(pkey_verify(public, SPAN("what is saId"), sig));
		assert_false(pkey_verify(public, SPAN(""), sig));
		/* Every byte of the signature counts, and its length. */
		changed = arena_dup(a, sig);
		bytes = (char *)(uintptr_t)changed.p;
		for (size_t i = 0; i < sig.n; i++) {
			bytes[i] ^= 1;
			assert_false(pkey_verify(public, text, changed));
			bytes[i] ^= 1;
		}
		assert_false(pkey_verify(public, text, span_slice(sig, 0, sig.n - 1)));
		assert_false(pkey_verify(public, text, span_from(bytes, sig.n + 1)));
		assert_false(pkey_verify(public, text, SPAN("")));
		assert_false(pkey_verify(public, text, SPAN_NONE));
		/* A public key cannot sign, and says so instead of ending anything. */
		{
			const struct err *e = pkey_sign(a, public, text, &sig);

			assert_non_null(e);
			assert_int_equal(e->kind, ERR_INTERNAL);
		}
		pkey_unref(made);
		pkey_unref(private);
		pkey_unref(public);
		pkey_unref(other);
	}
	pkey_unref(NULL);
}

static void
test_counted(void **state)
{
	struct pkey *k = pkey_generate(PKEY_ED25519);
	struct span sig;

	assert_ptr_equal(pkey_ref(k), k);
	pkey_unref(k);
	check_ok(*state, pkey_sign(*state, k, SPAN("still there"), &sig));
	pkey_unref(k);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_public),
		TEST(test_password),
		TEST(test_ed25519),
		TEST(test_round_trip),
		TEST(test_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
