// A device that uses the library of lego.
package main

import (
	"context"
	"crypto"
	"strconv"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/http01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/registration"

	"acmegate.test/clients/place"
)

type user struct {
	p            *place.Place
	key          crypto.Signer
	registration *acme.ExtendedAccount
}

func (u *user) GetEmail() string                       { return u.p.Email }
func (u *user) GetRegistration() *acme.ExtendedAccount { return u.registration }
func (u *user) GetPrivateKey() crypto.Signer           { return u.key }

var ctx = context.Background()

func open(p *place.Place) (*lego.Client, error) {
	key, err := p.Key("account.pem")
	if err != nil {
		return nil, err
	}
	u := &user{p: p, key: key}
	if url, err := p.Read("account.url"); err == nil {
		u.registration = &acme.ExtendedAccount{Location: string(url)}
	}
	config := lego.NewConfig(u)
	config.CADirURL = p.Directory
	if config.HTTPClient, err = p.HTTP(); err != nil {
		return nil, err
	}
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	return client, client.Challenge.SetHTTP01Provider(http01.NewProviderServer("127.0.0.1", strconv.Itoa(p.Port)))
}

func register(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	var account *acme.ExtendedAccount
	if len(p.EAB) == 2 {
		account, err = client.Registration.RegisterWithExternalAccountBinding(ctx, registration.RegisterEABOptions{
			TermsOfServiceAgreed: true, Kid: p.EAB[0], HmacEncoded: p.EAB[1]})
	} else {
		account, err = client.Registration.Register(ctx, registration.RegisterOptions{TermsOfServiceAgreed: true})
	}
	if err != nil {
		return err
	}
	return p.Write("account.url", []byte(account.Location))
}

func issue(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	made, err := client.Certificate.Obtain(ctx, certificate.ObtainRequest{
		Domains: []string{p.Host}, KeyType: certcrypto.EC256, Bundle: true})
	if err != nil {
		return err
	}
	return p.Write("chain.pem", made.Certificate)
}

// renew names the certificate that it replaces, as lego does where it can.
func renew(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	chain, err := p.Read("chain.pem")
	if err != nil {
		return err
	}
	old := certificate.Resource{Domains: []string{p.Host}, KeyType: certcrypto.EC256, Certificate: chain}
	made, err := client.Certificate.Renew(ctx, old, &certificate.RenewOptions{Bundle: true, UseARICertID: true})
	if err != nil {
		return err
	}
	return p.Write("chain.pem", made.Certificate)
}

// renewDue renews if the server's renewal information says that it is time (RFC 9773), as lego's own command does that cannot wait.
func renewDue(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	chain, err := p.Read("chain.pem")
	if err != nil {
		return err
	}
	certs, err := certcrypto.ParsePEMBundle(chain)
	if err != nil {
		return err
	}
	info, err := client.Certificate.GetRenewalInfo(ctx, certs[0])
	if err != nil {
		return err
	}
	if err = p.Write("explanation", []byte(info.ExplanationURL)); err != nil || info.ShouldRenewAt(time.Now(), 0) == nil {
		return err
	}
	return renew(p)
}

func rollover(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	key, err := place.NewKey()
	if err != nil {
		return err
	}
	if err = client.Registration.KeyRollover(ctx, key); err != nil {
		return err
	}
	return p.SaveKey("account.pem", key)
}

func revoke(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	chain, err := p.Read("chain.pem")
	if err != nil {
		return err
	}
	return client.Certificate.Revoke(ctx, chain)
}

func deactivate(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	return client.Registration.DeleteRegistration(ctx)
}

func main() {
	place.Run(map[string]func(*place.Place) error{"register": register, "issue": issue, "renew": renew, "renew-due": renewDue, "rollover": rollover,
		"revoke": revoke, "deactivate": deactivate})
}
