#!/bin/bash
# Rebuilds every vector in this folder, but for basic.xml and full.xml. Needs openssl 3.x, gzip, python3 and xxd.
# OpenSSL 3.x does NOT write the "Salted__"+salt header when -S is given, so it is prepended here by hand.
set -euo pipefail
cd "$(dirname "$0")"
salted() { # in out pass salthex md
  { printf 'Salted__'; printf "$4" | xxd -r -p; openssl enc -aes-256-cbc -e -md "$5" -k "$3" -S "$4" -in "$1" 2>/dev/null; } > "$2"; }
K=SecretPhrase1234; S=0102030405060708
HK=83c1e792bc6a824c0d18f429bea52d8483f2a24b32d75bc965d05e38c163d5ef   # 64 hex digits, from the public Sipura guide example
HS=a1b2c3d4e5f60718
gzip -n -9 -c basic.xml > basic.xml.gz
gzip -n -9 -c full.xml  > full.xml.gz
for f in basic.xml basic.xml.gz full.xml full.xml.gz; do salted $f $f.enc "$K" $S md5; done
salted basic.xml basic.hexpass.enc "$HK" $HS md5          # the 64 hex digits used as a PASSPHRASE (what XiVO did)
salted basic.xml.gz basic.gz.hexpass.enc "$HK" $HS md5
salted basic.xml basic.phrase-with-spaces.enc "my secret phrase" 1122334455667788 md5
# --- must be refused / edge -------------------------------------------------------------------------
salted basic.xml neg.sha256-kdf.enc "$K" $S sha256         # default of openssl >= 1.1.0 without -md md5
{ printf 'Salted__'; printf $S | xxd -r -p; openssl enc -aes-256-cbc -e -pbkdf2 -iter 10000 -md sha256 -k "$K" -S $S -in basic.xml; } > neg.pbkdf2.enc
openssl enc -aes-256-cbc -e -md md5 -nosalt -k "$K" -in basic.xml 2>/dev/null > neg.nosalt.enc
openssl enc -aes-256-cbc -e -md md5 -k "$K" -S $S -in basic.xml 2>/dev/null > neg.S-without-header.enc   # openssl 3.x -S: no header
openssl enc -aes-256-cbc -e -K $HK -iv 000102030405060708090a0b0c0d0e0f -in basic.xml > neg.rawkey-K-iv.enc  # -K: raw key, no header
openssl base64 -in basic.xml.enc -out neg.base64.enc
{ printf 'Salted__'; printf $S | xxd -r -p; openssl enc -aes-128-cbc -e -md md5 -k "$K" -S $S -in basic.xml 2>/dev/null; } > neg.aes128.enc
gzip -n -9 -c basic.xml.enc > neg.enc-then-gz.gz           # wrong order: compress AFTER encrypt
head -c 200 basic.xml.enc > neg.truncated.enc              # not a multiple of 16 after the header
head -c 16 basic.xml.enc > neg.header-only.enc
{ cat basic.xml.enc; printf '\n'; } > neg.trailing-newline.enc
head -c 120 basic.xml.gz > neg.truncated.xml.gz
python3 - <<'P'
import zlib
d=open('basic.xml','rb').read()
open('edge.zlib','wb').write(zlib.compress(d,9))
c=zlib.compressobj(9,zlib.DEFLATED,-15); open('edge.rawdeflate','wb').write(c.compress(d)+c.flush())
# malformed / odd XML
w=lambda n,s:open(n,'wb').write(s if isinstance(s,bytes) else s.encode())
w('xml.unclosed-root.xml','<flat-profile>\n<GPP_A>one</GPP_A>\n')
w('xml.mismatched-tag.xml','<flat-profile>\n<GPP_A>one</GPP_B>\n<GPP_C>three</GPP_C>\n</flat-profile>\n')
w('xml.bare-ampersand.xml','<flat-profile><GPP_A>a & b</GPP_A><GPP_C>three</GPP_C></flat-profile>\n')
w('xml.raw-lt-dialplan.xml','<flat-profile><Dial_Plan_1_>(S0<:18005551212>)</Dial_Plan_1_><GPP_C>three</GPP_C></flat-profile>\n')
w('xml.stray-text.xml','<flat-profile>\n//SYSTEM\n//Web\n<GPP_A>one</GPP_A>No\n#<!--  Network  -->\n<GPP_C>three</GPP_C>\n</flat-profile>\n')
w('xml.double-hyphen-comment.xml','<flat-profile>\n<!------ Provisioning params ------>\n<GPP_A>one</GPP_A>\n</flat-profile>\n')
w('xml.bad-ua.xml','<flat-profile><GPP_A ua="ua">one</GPP_A><GPP_C ua=rw>three</GPP_C></flat-profile>\n')
w('xml.value-attr.xml','<flat-profile><GPP_A ua="na" value="one"/><GPP_C value="three"></GPP_C></flat-profile>\n')
w('xml.group-attr.xml','<flat-profile><Product_Name group="Info/Product_Information">SPA-942</Product_Name><GPP_A group="Provisioning/General_Purpose_Parameters">one</GPP_A></flat-profile>\n')
w('xml.namespace.xml','<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<flat-profile xmlns="http://www.sipura.net/xsd/SPA2102" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.sipura.net/xsd/SPA2102 http://www.sipura.net/xsd/SPA2102/SPA2102-5-1-9.xsd"><GPP_A>one</GPP_A></flat-profile>\n')
w('xml.wrapped.xml','<?xml version="1.0"?>\n<device><top-level><generator>x</generator><flat-profile device="Linksys"><GPP_A>one</GPP_A></flat-profile></top-level></device>\n')
w('xml.no-flat-profile.xml','<settings><GPP_A>one</GPP_A></settings>\n')
w('xml.two-profiles.xml','<all><flat-profile><GPP_A>one</GPP_A></flat-profile><flat-profile><GPP_A>two</GPP_A></flat-profile></all>\n')
w('xml.duplicate.xml','<flat-profile><GPP_A>one</GPP_A><GPP_A>two</GPP_A></flat-profile>\n')
w('xml.case.xml','<flat-profile><gpp_a>one</gpp_a><GPP_C>three</GPP_C></flat-profile>\n')
w('xml.empty-forms.xml','<flat-profile><GPP_A></GPP_A><GPP_B/><GPP_C>  </GPP_C></flat-profile>\n')
w('xml.escapes.xml','<flat-profile><GPP_A>&amp;&lt;&gt;&quot;&apos;&#40;&#x2e;&#x2E;</GPP_A><GPP_B>two\nlines</GPP_B><GPP_C>&unknown;</GPP_C></flat-profile>\n')
w('xml.bom.xml',b'\xef\xbb\xbf<flat-profile><GPP_A>one</GPP_A></flat-profile>\n')
w('xml.latin2-decl.xml','<?xml version="1.0" encoding="iso-8859-2"?><flat-profile><Resync_Periodic ua="na">60</Resync_Periodic ></flat-profile>')
w('xml.cdata.xml','<flat-profile><GPP_A><![CDATA[a<b]]></GPP_A></flat-profile>\n')
w('xml.router-configuration.xml','<flat-profile><GPP_A>one</GPP_A><router-configuration><Time_Setup><Time_Zone>+01 2 2</Time_Zone></Time_Setup><Web_Login_Admin_Name>admin</Web_Login_Admin_Name></router-configuration></flat-profile>\n')
w('alias.customer.xml','<customer-account>\n<SIP-number> 17775551234</SIP-number>\n<SIP-password> 512835907884</SIP-password>\n</customer-account>\n')
w('alias.nested.xml','<CPE><SIP-Credentials><name>J. Smith</name><number>14085551234</number><auth-secret>732091751563sfd</auth-secret></SIP-Credentials></CPE>\n')
w('alias.map.txt','/CPE/SIP-Credentials/name = /flat-profile/Display_Name_1_ ;\n/CPE/SIP-Credentials/number = /flat-profile/User_ID_1_ ;\n/CPE/SIP-Credentials/auth-secret = /flat-profile/Password_1_ ;\n')
w('spc.plain.txt','# *** SPA2102 5.2.13 Configuration Parameters\nProvision_Enable                                "Yes" ;\nUser_Password                                 ! "" ;\nDial_Plan[1]                                  ? "([x*#].)" ;\nSIP_ToS/DiffServ_Value[1]                       "0x68" ;\nSome_Entry                                    ! ;\n')
P
rm -f basic.xml.zlib basic.xml.rawdeflate
