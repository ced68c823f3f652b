package provider_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/provider/acctest"
)

// The addresses of what everything makes.
const (
	networkAddress   = "kiln_network.n"
	groupAddress     = "kiln_resource_group.g"
	workspaceAddress = "kiln_workspace.w"
	imageAddress     = "kiln_custom_image.i"
	bindingAddress   = "kiln_image_workspace_binding.b"
	buildAddress     = "kiln_persistent_build.p"
)

// everything is one resource of each type, all in use of each other; arguments of single ones may be given otherwise, by their
// address and name.
func everything(otherwise map[string]string) string {
	arguments := map[string]string{
		networkAddress + ".name": `"first"`, networkAddress + ".egress": `"none"`,
		groupAddress + ".name": `"first"`, groupAddress + ".network_id": networkAddress + ".id", groupAddress + ".cu": "2",
		workspaceAddress + ".name": `"first"`,
		imageAddress + ".name":     `"first"`, imageAddress + ".task_types": `["pyodps3"]`,
		imageAddress + ".source":         `{ official = { image = "` + acctest.Official + `" } }`,
		imageAddress + ".packages":       `[{ type = "python3", names = ["jieba==0.42.1"] }]`,
		imageAddress + ".test":           "{ resource_group_id = " + groupAddress + ".id }",
		bindingAddress + ".image_id":     imageAddress + ".id",
		bindingAddress + ".workspace_id": workspaceAddress + ".id",
		buildAddress + ".image_id":       imageAddress + ".id", buildAddress + ".image_version": imageAddress + ".published_version",
		buildAddress + ".resource_group_id": groupAddress + ".id",
	}
	maps.Copy(arguments, otherwise)
	var text strings.Builder
	var last string
	for _, key := range slices.Sorted(maps.Keys(arguments)) {
		at := strings.LastIndexByte(key, '.')
		if address := key[:at]; address != last {
			kind, name, _ := strings.Cut(address, ".")
			text.WriteString(strings.Repeat("}\n", min(1, len(last))) + "resource \"" + kind + "\" \"" + name + "\" {\n")
			last = address
		}
		text.WriteString("  " + key[at+1:] + " = " + arguments[key] + "\n")
	}
	return text.String() + "}\n"
}

// TestAccRename: what has a name is renamed in place: it keeps its id, an image its version without another test, and what refers
// to it is left alone.
func TestAccRename(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	renamed := map[string]string{}
	first := resource.TestStep{Config: d.Provider() + everything(nil)}
	second := resource.TestStep{}
	var checks, before []resource.TestCheckFunc
	for _, address := range []string{networkAddress, groupAddress, workspaceAddress, imageAddress} {
		id := new(string)
		before = append(before, acctest.Attribute(address, "id", id))
		checks = append(checks, resource.TestCheckResourceAttrPtr(address, "id", id), resource.TestCheckResourceAttr(address, "name", "second"))
		renamed[address+".name"] = `"second"`
		second.ConfigPlanChecks.PreApply = append(second.ConfigPlanChecks.PreApply, plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate))
	}
	for _, address := range []string{bindingAddress, buildAddress} {
		second.ConfigPlanChecks.PreApply = append(second.ConfigPlanChecks.PreApply, plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop))
	}
	first.Check = resource.ComposeTestCheckFunc(before...)
	second.Config = d.Provider() + everything(renamed)
	second.Check = resource.ComposeTestCheckFunc(append(checks,
		resource.TestCheckResourceAttr(imageAddress, "version", "1"), resource.TestCheckResourceAttr(imageAddress, "published_version", "1"))...)
	ran := 0
	second.PreConfig = func() { ran = len(processes(t, d)) }
	acctest.Run(t, first, second, acctest.Unchanged(second.Config), resource.TestStep{
		PreConfig: func() {
			if n := len(processes(t, d)); n != ran {
				t.Errorf("the renaming has started %d processes", n-ran)
			}
			if i, err := d.Client.Image(t.Context(), "second", ""); err != nil || i.CurrentVersion != 1 {
				t.Errorf("image = %+v, %v; want version 1", i, err)
			}
			if bound, err := d.Client.Bindings(t.Context(), "", ""); err != nil || len(bound) != 1 {
				t.Errorf("bindings = %v, %v; want one", bound, err)
			}
		},
		Config: second.Config, PlanOnly: true,
	})
}

func processes(t *testing.T, d *acctest.Daemon) []client.Process {
	t.Helper()
	list, err := d.Client.Processes(t.Context(), client.ProcessFilter{})
	if err != nil {
		t.Error(err)
	}
	return list
}

// later is what is known only when it was applied.
const later = "terraform_data.later.output"

// TestAccUnknownValues: a value that another resource gives is left open in the plan. In the apply a wrong one is refused as it
// would be in the plan, and a right one ends as if it had been there from the beginning.
func TestAccUnknownValues(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		address, argument, value string // the value in terms of what is known later; empty: that itself
		path                     string // of what is unknown; empty: the argument
		right, wrong             string
		refusal                  []string
	}{
		"NetworkName":   {address: networkAddress, argument: "name", right: `"later"`, wrong: `"7up"`, refusal: []string{"InvalidName", "Field: name"}},
		"NetworkEgress": {address: networkAddress, argument: "egress", right: `"public"`, wrong: `"open"`, refusal: []string{"InvalidParameter", "Field: egress"}},
		"GroupName":     {address: groupAddress, argument: "name", right: `"later"`, wrong: `"7up"`, refusal: []string{"InvalidName", "Field: name"}},
		"GroupNetwork":  {address: groupAddress, argument: "network_id", right: networkAddress + ".id", wrong: `"net-none"`, refusal: []string{"NotFound", "net-none"}},
		"GroupCU":       {address: groupAddress, argument: "cu", right: "4", wrong: "0.3", refusal: []string{"InvalidCu", "Field: cu", "0.3"}},
		"ImageName":     {address: imageAddress, argument: "name", right: `"later"`, wrong: `"My-Image"`, refusal: []string{"InvalidName", "Field: name"}},
		"ImagePackage": {
			address: imageAddress, argument: "packages", value: `[{ type = "python3", names = ["six==1.16.0", ` + later + `] }]`, path: "packages.0.names.1",
			right: `"jieba==0.42.1"`, wrong: `"jieba"`, refusal: []string{"UnpinnedPackage", "Field: packages[0].names[1]", "jieba"},
		},
		"ImagePackageType": {
			address: imageAddress, argument: "packages", value: `[{ type = ` + later + `, names = ["git=1"] }]`, path: "packages.0.type",
			right: `"apt"`, wrong: `"conda"`, refusal: []string{"InvalidPackageType", "Field: packages[0].type", "conda"},
		},
		"ImageScript": {
			address: imageAddress, argument: "packages", value: `[{ type = "script", script = ` + later + ` }]`, path: "packages.0.script",
			right: `"true"`, wrong: `"pip3 install six"`, refusal: []string{"UnpinnedPackage", "Field: packages[0].script"},
		},
		"ImageGroup": {
			address: imageAddress, argument: "test", value: "{ resource_group_id = " + later + " }", path: "test.resource_group_id",
			right: groupAddress + ".id", wrong: `"rg-none"`, refusal: []string{"NotFound", "rg-none"},
		},
		"ImageCU": {
			address: imageAddress, argument: "test", value: "{ resource_group_id = " + groupAddress + ".id\ncu = " + later + " }", path: "test.cu",
			right: "1", wrong: "4", refusal: []string{"CuExceedsResourceGroup", "Field: test.cu", "Value: 4"},
		},
		"BindingImage":     {address: bindingAddress, argument: "image_id", right: imageAddress + ".id", wrong: `"img-none"`, refusal: []string{"NotFound", "img-none"}},
		"BindingWorkspace": {address: bindingAddress, argument: "workspace_id", right: workspaceAddress + ".id", wrong: `"ws-none"`, refusal: []string{"NotFound", "ws-none"}},
		"BuildImage":       {address: buildAddress, argument: "image_id", right: imageAddress + ".id", wrong: `"img-none"`, refusal: []string{"NotFound", "img-none"}},
		"BuildVersion":     {address: buildAddress, argument: "image_version", right: "1", wrong: "7", refusal: []string{"VersionNotFound", "Field: image_version"}},
		"BuildGroup":       {address: buildAddress, argument: "resource_group_id", right: groupAddress + ".id", wrong: `"rg-none"`, refusal: []string{"NotFound", "rg-none"}},
		"BuildCU":          {address: buildAddress, argument: "cu", right: "1", wrong: "0.3", refusal: []string{"InvalidCu", "Field: cu", "0.3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := acctest.Start(t)
			config := func(value string) string {
				expression := tt.value
				if expression == "" {
					expression = later
				}
				return d.Provider() + "resource \"terraform_data\" \"later\" { input = " + value + " }\n" +
					everything(map[string]string{tt.address + "." + tt.argument: expression})
			}
			at := tt.path
			if at == "" {
				at = tt.argument
			}
			acctest.Run(t,
				resource.TestStep{Config: config(tt.wrong), PlanOnly: true, ExpectNonEmptyPlan: true},
				resource.TestStep{Config: config(tt.wrong), ExpectError: acctest.Words(tt.refusal...)},
				resource.TestStep{
					Config: config(tt.right),
					ConfigPlanChecks: resource.ConfigPlanChecks{
						PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue(tt.address, jsonPath(at))},
					},
					Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttrSet(tt.address, at),
						resource.TestCheckResourceAttr(imageAddress, "stage", "Published"), resource.TestCheckResourceAttr(buildAddress, "stage", "BuildSuccess"),
						resource.TestCheckResourceAttrSet(bindingAddress, "id")),
				},
				acctest.Unchanged(config(tt.right)),
			)
		})
	}
}

// jsonPath reads a path of keys and indexes: packages.0.names.1.
func jsonPath(text string) tfjsonpath.Path {
	first, rest, _ := strings.Cut(text, ".")
	at := tfjsonpath.New(first)
	for _, part := range strings.FieldsFunc(rest, func(r rune) bool { return r == '.' }) {
		if i, err := strconv.Atoi(part); err == nil {
			at = at.AtSliceIndex(i)
		} else {
			at = at.AtMapKey(part)
		}
	}
	return at
}
